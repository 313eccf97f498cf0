import Foundation
import Testing
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores
import TollgateTestSupport

@testable import TollgateDashboard

/// The pages of accounts at providers.
@Suite struct ProviderPagesTests {
    private static let policy = """
        thresholds: [80, 95, 100]
        accounts:
          main:
            provider: anthropic
            credential_file: /nonexistent/key
            limits: { tokens: { month: 1000 }, requests: { 1m: 50 } }
          late: { provider: openai, credential_env: TOLLGATE_TEST_KEY }
          new: { provider: openrouter, credential_env: TOLLGATE_TEST_KEY }
          off: { provider: github }
          wrong: { provider: openai, credential_env: TOLLGATE_TEST_KEY }
        """

    /// Stores what a provider has reported of an account, as its reader does.
    private func store(
        _ id: String, _ days: [String: AccountFigures] = [:], on dashboard: DashboardHarness,
        _ change: (inout AccountSyncState) -> Void = { _ in }
    ) async throws {
        let now = await dashboard.server.redisTime
        var state = AccountSyncState()
        (state.lastAttempt, state.lastSuccess, state.nextAttempt) = (now - 12_000, now - 12_000, now + 48_500)
        state.coveredSince = UTCDay(containing: now / 1_000).advanced(by: -40)
        change(&state)
        try await dashboard.server.stores.accounts.write(state, days: days, hours: [:], removing: [], of: id)
    }

    private func figures(tokens: Int64, cost: String) throws -> AccountFigures {
        AccountFigures(
            counts: [.inputTokens: tokens - 100, .cacheReadTokens: 60, .outputTokens: 40],
            cost: try Money(parsing: cost))
    }

    private func day(_ dashboard: DashboardHarness, before days: Int64 = 0) async -> String {
        UTCDay(containing: await dashboard.server.redisTime / 1_000).advanced(by: -days).description
    }

    private func record(tokens: Int, on dashboard: DashboardHarness) async throws {
        let body = #"{"scopes":{"user":"ann","account":"main"},"requests":2,"tokens":\#(tokens),"cost":"3.20"}"#
        try #require(try await dashboard.api("POST", "/v1/record", body).status == 200)
    }

    @Test("an account has both sides of its usage, its limits, and a state; what is not known is not 0")
    func usage() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let viewer = try await dashboard.browser(as: .viewer)
            let unread = try await viewer.get("/providers")
            #expect(unread.words.contains("Requests 0 no figures Tokens 0 no figures Cost 0.00 USD no figures"))
            try await record(tokens: 950, on: dashboard)
            let today = await day(dashboard)
            try await store("main", [today: try figures(tokens: 900, cost: "3.123456")], on: dashboard)
            let page = try await viewer.get("/providers")
            #expect(page.status == 200)
            #expect(page.words.contains("main State fresh Provider anthropic Last read"), "\(page.words)")
            #expect(page.words.contains("12 s ago Next reading"))
            #expect(
                page.words.contains("Requests 2 no figures Tokens 950 900 Cost 3.20 USD 3.123456 USD"), "\(page.words)")
            #expect(page.words.contains("tokens / month 95.0 % 950 1\u{202F}000"))
            #expect(page.words.contains("requests / 1m 4.0 % 2 50"))
            #expect(page.text.contains("<tr class=\"warning\"><th scope=\"row\">tokens / month"))
            #expect(page.text.contains("href=\"/alerts?scope=account%3Amain\""))
            #expect(page.text.contains("href=\"/scopes/account%3Amain\""))
            #expect(!page.words.contains("exhausted"))
            try await record(tokens: 60, on: dashboard)
            let exhausted = try await viewer.get("/providers")
            #expect(exhausted.words.contains("State fresh exhausted Requests that name it are denied."))
            #expect(exhausted.text.contains("<tr class=\"danger\"><th scope=\"row\">tokens / month"))
        }
    }

    @Test("an account that is old, new, failing or without a credential says so")
    func states() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            try await store("late", on: dashboard) { $0.lastSuccess = ($0.lastSuccess ?? 0) - 600_000 }
            try await store("wrong", on: dashboard) { state in
                state.failure = ((state.lastSuccess ?? 0) - 300_000, "unauthorized: <b>invalid</b> key")
                (state.failures, state.lastSuccess) = (3, nil)
            }
            let page = try await dashboard.browser(as: .viewer).get("/providers").words
            #expect(page.contains("late State stale The provider's figures are old, and no failure is recorded."))
            #expect(page.contains("10 min ago"))
            #expect(
                page.contains("new State never The account has not been read yet. No figures are not figures of 0."))
            #expect(page.contains("Last read never Next reading not planned yet"))
            #expect(page.contains("off State off The account has no credential_file or credential_env"))
            #expect(page.contains(", 3 attempts: unauthorized: <b>invalid</b> key State failing"), "\(page)")
            #expect(!page.contains("/nonexistent/key") && !page.contains("TOLLGATE_TEST_KEY"))
        }
    }

    @Test("administrators request a reading; viewers see no button, and without a credential it is disabled")
    func sync() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let (main, off) = ("/providers/main/sync", "/providers/off/sync")
            let viewer = try await dashboard.browser(as: .viewer)
            for path in ["/providers", "/providers/main"] {
                let page = try await viewer.get(path)
                #expect(page.status == 200 && !page.text.contains("Sync now") && !page.text.contains("action=\"/prov"))
            }
            #expect(try await viewer.post(main).status == 403)
            let admin = try await dashboard.browser(as: .admin)
            #expect(try await admin.send("POST", main, []).status == 403)
            #expect(try await dashboard.server.stores.accounts.accounts(["main"])[0].get().state.isRequested == false)
            let page = try await admin.get("/providers")
            #expect(page.text.matches(of: /<button disabled>Sync now/).count == 1)
            #expect(page.words.contains("There is no credential to read it with. Sync now off"))
            #expect(page.text.matches(of: /<button>Sync now/).count == 4)
            let requested = try await admin.submit(main)
            #expect(requested.words.contains("main: it is read once a minute has passed since the last attempt."))
            #expect(requested.words.contains("Next reading not planned yet requested"))
            #expect(try await dashboard.server.stores.accounts.accounts(["main"])[0].get().state.isRequested)
            #expect(try await admin.post(main, [("page", "account")]).location == "/providers/main")
            #expect(try await admin.post(main, [("page", "//evil.example")]).location == "/providers")
            let refused = try await admin.post(off)
            #expect(refused.status == 409 && refused.words.contains("off: has no credential_file or credential_env"))
            #expect(try await admin.post("/providers/none/sync").status == 404)
            #expect(try await admin.get("/providers/none").status == 404)
        }
    }

    @Test("the page of an account has its days beside those of the provider, and its quotas")
    func account() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            try await record(tokens: 950, on: dashboard)
            let (today, yesterday) = (await day(dashboard), await day(dashboard, before: 1))
            try await store("main", [yesterday: try figures(tokens: 1_500, cost: "0.5")], on: dashboard) { state in
                state.quotas = "core requests 5000 12 4988 4102444800;key nano_dollars - 1500000000 - -"
            }
            let page = try await dashboard.browser(as: .viewer).get("/providers/main")
            #expect(
                page.words.contains(
                    "\(today) 2 no figures 950 no figures not closed yet 3.20 no figures not closed yet"),
                "\(page.words)")
            // Own usage began today: it is not known of yesterday, which is not 0.
            #expect(page.words.contains("\(yesterday) no figures no figures no figures 1\u{202F}500"))
            #expect(page.text.matches(of: /data-row="\d{4}-\d\d-\d\d"/).count == 2)
            #expect(page.words.contains("core requests 12 5\u{202F}000 4\u{202F}988 1 Jan 2100"))
            #expect(page.words.contains("key USD 1.5 none –"))
            #expect(page.text.contains("<a href=\"/providers\" aria-current=\"page\">Providers</a>"))
        }
        try await withDashboard(policy: "history: [user]\n" + Self.policy) { dashboard in
            let page = try await dashboard.browser(as: .viewer).get("/providers/main")
            #expect(page.status == 200 && page.words.contains("No history is retained for the kind account"))
            #expect(page.words.contains("Requests no figures no figures Tokens no figures no figures"))
        }
    }

    @Test("the drift of closed days is shown by account, with the reason where nothing is compared")
    func drift() async throws {
        try await withDashboard(policy: "drift_threshold: 10\n" + Self.policy) { dashboard in
            let now = await dashboard.server.redisTime
            let (first, second) = (await day(dashboard, before: 3), await day(dashboard, before: 2))
            for (day, own) in [(first, 900), (second, 850)] {
                try dashboard.redis.cli(
                    "HSET", "tollgate:account:main:day:\(day)", "requests", "2", "tokens", "\(own)", "cost",
                    "2000000000")
            }
            let days = [
                first: try figures(tokens: 1_000, cost: "2"), second: try figures(tokens: 1_000, cost: "1.99"),
            ]
            try await store("main", days, on: dashboard) { $0.lastSuccess = now }
            let viewer = try await dashboard.browser(as: .viewer)
            let list = try await viewer.get("/providers")
            #expect(list.words.contains("Drift of the last 7 closed days"))
            #expect(list.words.contains("Past 10 % of tokens or cost, an alert opens."))
            // 10 % is not past 10 %.
            #expect(list.words.contains("main no figures no figures no figures no figures tokens -10 % cost 0 %"))
            #expect(list.text.contains("<td class=\"number warning\">tokens -15 %<br>cost 0.5 %</td>"), "\(list.text)")
            #expect(list.text.matches(of: /"number warning"/).count == 1)
            #expect(list.words.contains("new not read") && list.words.contains("off quotas only"))
            let page = try await viewer.get("/providers/main")
            #expect(
                page.words.contains("\(second) 2 no figures 850 1\u{202F}000 -15 % 2.00 1.99 0.5 %"), "\(page.words)")
            #expect(page.text.contains("<td class=\"number warning\">-15 %</td>"))
            #expect(page.words.contains("\(await day(dashboard, before: 1)) 0 no figures 0 no figures"))
            #expect(page.text.matches(of: /data-row="\d{4}-\d\d-\d\d"/).count == 4)
        }
        try await withDashboard(policy: "currency: EUR\n" + Self.policy) { dashboard in
            let page = try await dashboard.browser(as: .viewer).get("/providers")
            #expect(page.words.contains("Costs are not compared: own ones are in EUR, those of providers in USD."))
        }
    }

    @Test("what is stored of one account may be malformed; the others are shown")
    func malformed() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            try dashboard.redis.cli("HSET", "tollgate:{accounts}:days:main", "2026-11-20", "<b>nonsense</b>")
            let admin = try await dashboard.browser(as: .admin)
            let list = try await admin.get("/providers")
            #expect(list.status == 200 && list.words.contains("new State never"))
            #expect(
                list.words.contains("main What is stored of this account cannot be shown: tollgate:{accounts}:days"))
            #expect(try await admin.get("/providers/main").words.contains("malformed figures of 2026-11-20"))
        }
    }

    @Test("without Redis the pages say so, and work again afterwards")
    func away() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let viewer = try await dashboard.browser(as: .viewer)
            dashboard.redis.stop()
            try await eventually { await !dashboard.server.isReady }
            for path in ["/providers", "/providers/main"] { #expect(try await viewer.get(path).status == 503) }
            try dashboard.redis.start()
            try await eventually { try await viewer.get("/providers").status == 200 }
        }
    }

    @Test("unresolved alerts of an account are counted")
    func alerts() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            try await dashboard.raiseAlerts(of: "account:main")
            let page = try await dashboard.browser(as: .viewer).get("/providers")
            #expect(page.words.contains("Alerts 1 unresolved Scope account:main"))
            #expect(page.words.contains("Alerts None unresolved Scope account:new"))
        }
    }

    @Test("without accounts, the page has an example that is a policy")
    func empty() async throws {
        try await withDashboard { dashboard in
            let page = try await dashboard.browser(as: .viewer).get("/providers")
            #expect(page.status == 200 && page.words.contains("No accounts Write your accounts at providers into"))
            let example = try #require(page.text.firstMatch(of: #/<pre>([^<]*)</pre>/#)).1
            let policy = try Policy(yaml: String(example), file: "example.yaml")
            #expect(policy.accounts["main"]?.billingDay == 15)
            #expect(page.words.contains("No prices: a request costs what it says."))
        }
    }

    @Test("hostile ids, sentences and names are text", arguments: DashboardHarness.hostileIDs)
    func hostile(id: String) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        let key = String(decoding: try encoder.encode(id), as: UTF8.self)
        let policy = """
            accounts: { \(key): { provider: github, credential_env: TOLLGATE_TEST_KEY } }
            prices: { openai: { gpt-5: { input: 1 } } }
            """
        try await withDashboard(policy: policy) { dashboard in
            try await store(id, on: dashboard) { state in
                state.failure = (state.lastAttempt ?? 0, "refused: \(id)")
                state.quotas = "\(id.replacing(" ", with: "").replacing(";", with: "")) requests 5 1 4 -"
            }
            let call = #"{"scopes":{"user":"ann","model":\#(key),"provider":\#(key)},"tokens":5}"#
            try #require(try await dashboard.api("POST", "/v1/record", call).status == 200)
            let admin = try await dashboard.browser(as: .admin)
            for path in ["/providers", AccountCard.path(of: id)] {
                let page = try await admin.get(path)
                #expect(page.status == 200 && page.shows(id) && page.shows("refused: \(id)"), "\(page.words)")
                page.expectNoMarkup(of: id)
                #expect(UnsafeMarkup.findings(in: page.text) == [])
            }
            let done = try await admin.submit(AccountCard.path(of: id) + "/sync")
            #expect(done.shows("\(id): it is read once"))
            done.expectNoMarkup(of: id)
        }
    }
}

import Foundation
import Testing
import TollgateAdmin
import TollgateCore
import TollgateServer
import TollgateStores
import TollgateTestSupport

@testable import TollgateDashboard

/// Every page of the dashboard in a browser, with hostile ids.
@Suite(
    "Pages in a browser",
    .enabled(if: Python.hasBrowser, "needs Chromium and a Python with selenium: run scripts/test"))
struct PageBrowserTests {
    private static let policy = """
        history: [user, tenant, provider, account]
        defaults:
          tenant: { tokens: { month: 1000 }, cost: { month: 5 } }
          user: { requests: { 1m: 20 } }
        prices: { openai: { gpt-5: { input: 1, output: 8 } } }
        accounts:
          acme: { provider: anthropic, credential_file: /nonexistent, limits: { tokens: { month: 1000 }, cost: { month: 5 } } }
          plain: { provider: github }

        """ + DashboardHarness.hostileIDs.map { "  \(json($0)): { provider: openai, credential_env: X }\n" }.joined()

    private static let paths = [
        "/", "/usage", "/usage?kind=user&meter=requests", "/scopes/new", "/analytics",
        "/analytics?scope=tenant%3Aacme%0Atenant%3Aplain&last=30", "/analytics?scope=tenant%3Aacme&by=provider",
        "/alerts", "/alerts?state=resolved", "/providers", "/providers/acme", "/providers/plain", "/tiers",
        "/tiers/basic", "/assignments", "/overrides",
        "/who?user=\(Markup.encoded(DashboardHarness.hostileIDs[0]))", "/audit", "/deliveries", "/policy", "/system",
        "/alerts?state=all&severity=warning", "/overrides?scope=user%3Aacme",
        "/assignments/\(Markup.encoded("user:\(DashboardHarness.hostileIDs[0])"))",
    ]

    /// The paths with hostile ids, some of which are not valid.
    private static let hostilePaths = DashboardHarness.hostileIDs.enumerated().flatMap { index, id -> [String] in
        let text = Markup.encoded(id)
        let user = Markup.encoded("user:\(id.replacing("+", with: "++"))")
        return [
            "/who?user=\(text)", "/who?user=alice&roles=\(text)&email=\(text)", "/assignments/\(user)",
            "/tiers/hostile-\(index)", "/tiers/\(text)", "/usage?kind=user&prefix=\(text)", "/usage?kind=\(text)",
            "/alerts?state=all&scope=\(user)", "/alerts?scope=\(text)", "/scopes/new?kind=user&id=\(text)",
            "/scopes/new?kind=\(text)&id=\(text)", "/analytics?scope=\(user)", "/analytics?scope=\(text)",
            "/overrides?scope=\(user)", "/overrides?scope=\(text)", "/scopes/\(user)", "/scopes/\(text)",
            "/providers/\(text)",
        ]
    }

    /// Lets administrators set something for each hostile id.
    private static func change(_ dashboard: DashboardHarness) async throws {
        _ = try await dashboard.api(
            "PUT", "/v1/tiers/basic", #"{"name":"<b>Basic</b>\"'","limits":{"tokens":{"month":500}}}"#)
        for (index, id) in DashboardHarness.hostileIDs.enumerated() {
            let id = id.replacing("+", with: "++")
            let user = Markup.encoded("user:\(id)")
            let name = String(decoding: try JSONEncoder().encode(String(id.prefix(60))), as: UTF8.self)
            let tier = try await dashboard.api(
                "PUT", "/v1/tiers/hostile-\(index)", #"{"name":\#(name),"description":\#(name),"limits":{}}"#)
            try #require(tier.status == 201, "\(tier.text)")
            let assigned = try await dashboard.api("PUT", "/v1/assignments/\(user)", #"{"tier":"basic"}"#)
            try #require(assigned.status == 201, "\(assigned.text)")
            let reason = String(decoding: try JSONEncoder().encode(id), as: UTF8.self)
            let override = try await dashboard.api(
                "PUT", "/v1/scopes/\(user)/override",
                #"{"limits":{"cost":{"day":"50"}},"expires_at":"\#(Self.tomorrow)","reason":\#(reason)}"#)
            try #require(override.status == 201, "\(override.text)")
            try await dashboard.raiseAlerts(of: "user:\(id)")
        }
    }

    /// Stores usage and failures of accounts, and lets requests name models without a price.
    private static func readAccounts(_ dashboard: DashboardHarness) async throws {
        let now = await dashboard.server.redisTime
        let today = UTCDay(containing: now / 1_000)
        for (index, id) in (["acme"] + DashboardHarness.hostileIDs).enumerated() {
            let call = #"{"scopes":{"user":"acme","account":\#(json(id)),"model":\#(json(id))},"tokens":900}"#
            try #require(try await dashboard.api("POST", "/v1/record", call).status == 200)
            var state = AccountSyncState()
            (state.lastAttempt, state.nextAttempt) = (now, now + 3_600_000)
            state.lastSuccess = index == 1 ? nil : now - Int64(index) * 50_000
            if index % 3 == 1 { state.failure = (now - 90_000, "unauthorized: \(id)") }
            state.quotas = "core requests 5000 12 4988 4102444800;key nano_dollars - 1500000000 - -"
            let figures = AccountFigures(
                counts: [.inputTokens: 9_123_456_789, .outputTokens: 5], cost: Money(nanos: 1_234_567_123_456_789))
            let days = [today, today.advanced(by: -1)].map { ("\($0)", figures) }
            try await dashboard.server.stores.accounts.write(
                state, days: Dictionary(uniqueKeysWithValues: days), hours: [:], removing: [], of: id)
        }
    }

    private static func json(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return String(decoding: (try? encoder.encode(text)) ?? Data(), as: UTF8.self)
    }

    private static var tomorrow: String { Date(timeIntervalSinceNow: 86_400).ISO8601Format() }

    @Test("ways in, contrast, narrow windows, console, refreshes and pages without scripts")
    func pages() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            guard case .tcp(_, let port) = dashboard.address else { throw TestFailure("\(dashboard.address)") }
            for (index, id) in (DashboardHarness.hostileIDs + ["acme", "plain"]).enumerated() {
                let scopes = ["tenant": id, "user": id, "provider": "openai"]
                let json = String(decoding: try JSONEncoder().encode(scopes), as: UTF8.self)
                let answer = try await dashboard.api(
                    "POST", "/v1/record", #"{"scopes":\#(json),"tokens":\#(index * 110),"cost":"0.25"}"#)
                try #require(answer.status == 200, "\(answer.text)")
            }
            try await Self.change(dashboard)
            try await Self.readAccounts(dashboard)
            let link = try await dashboard.api("POST", "/v1/sign-in-links").value(after: "\"path\":\"")
            try await Browser.run(
                "pages",
                [
                    "address": "http://127.0.0.1:\(port)", "token": DashboardHarness.tokens[.admin] ?? "",
                    "link": try #require(link?.replacing("\\/", with: "/")),
                    "paths": String(decoding: try JSONEncoder().encode(Self.paths), as: UTF8.self),
                    "hostile": String(decoding: try JSONEncoder().encode(Self.hostilePaths), as: UTF8.self),
                ], patience: 480)
        }
    }
}

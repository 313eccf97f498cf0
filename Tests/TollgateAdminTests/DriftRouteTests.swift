import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateAdmin

/// The drift report over the admin API and with the command.
@Suite("Drift reports")
struct DriftRouteTests {
    private static let policy = """
        accounts:
          main: { provider: anthropic, credential_file: /nonexistent/key }
          quotas: { provider: github, credential_file: /nonexistent/key }
          unread: { provider: openai, credential_file: /nonexistent/key }
        """

    /// The time of Redis, Unix ms.
    private func now(_ admin: AdminHarness) throws -> Int64 {
        let words = try admin.redis.cli("TIME").split(separator: "\n").compactMap { Int64($0) }
        return try #require(words.first) * 1_000
    }

    /// The day before today by a number of days.
    private func day(_ days: Int64, _ admin: AdminHarness) throws -> String {
        "\(UTCDay(containing: try now(admin) / 1_000).advanced(by: -days))"
    }

    /// Sets our usage and the provider's figures of a day.
    private func set(
        _ admin: AdminHarness, _ days: Int64, own: [String: Int64] = [:], figures: String? = nil
    ) throws {
        let day = try day(days, admin)
        if !own.isEmpty {
            let fields = own.flatMap { [$0.key, "\($0.value)"] }
            try admin.redis.cli(["HSET", "tollgate:account:main:day:\(day)"] + fields)
        }
        if let figures { try admin.redis.cli("HSET", "tollgate:{accounts}:days:main", day, figures) }
    }

    /// Four days of figures: usage begins on the second one, without figures on the third. Yesterday drifts.
    private func fill(_ admin: AdminHarness) throws {
        // Read late enough for yesterday to be complete, whatever the time of the test.
        let read = try now(admin) + 86_400_000
        for account in ["main", "quotas"] {
            try admin.redis.cli(
                "HSET", "tollgate:{accounts}:state:\(account)", "last_success", "\(read)", "covered_since", "2020-01-01"
            )
        }
        try set(admin, 4, figures: "input_tokens=70 cost=1")
        try set(admin, 3, own: ["tokens": 1_000, "cost": 2_000_000_000], figures: "input_tokens=1000 cost=2")
        try set(admin, 2, own: ["tokens": 5, "requests": 1], figures: "requests=1")
        try set(
            admin, 1, own: ["tokens": 877, "cost": 1_050_000_000],
            figures: "input_tokens=600 cache_read_tokens=300 output_tokens=100 cost=1")
    }

    @Test("the last 7 closed days of all accounts are listed, and those without a side are named")
    func report() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            try fill(admin)
            let answer = try await admin.ask("GET", "/v1/reports/drift", token: AdminHarness.tokens[.viewer])
            #expect(answer.status == 200, "\(answer.text)")
            let items = try #require(answer["items"]?.items).compactMap(\.members)
            #expect(items.count == 21 && answer["threshold"] == .integer(5))
            #expect(answer["costs_compared"] == .bool(true))
            let (from, to) = (try day(7, admin), try day(1, admin))
            #expect(answer["from"]?.text == from && answer["to"]?.text == to)
            func statuses(_ account: String) -> [String] {
                items.filter { $0["account"]?.text == account }.compactMap { $0["status"]?.text }
            }
            #expect(
                statuses("main") == [
                    "no_figures", "no_figures", "no_figures", "no_history", "compared", "no_figures", "compared",
                ])
            #expect(Set(statuses("quotas")) == ["not_reported"] && Set(statuses("unread")) == ["not_read"])
            let last = try await admin.ask("GET", "/v1/reports/drift?account=main&from=\(try day(1, admin))")
            #expect(
                last.text.hasSuffix(
                    """
                    "items":[{"account":"main","cost":{"own":"1.05","percent":5,"reported_usd":"1"},\
                    "day":"\(try day(1, admin))","is_past_threshold":true,"provider":"anthropic","status":"compared",\
                    "tokens":{"own":877,"percent":-12.3,"reported":1000}}],"threshold":5,"to":"\(try day(1, admin))"}

                    """), "\(last.text)")
            let unknown = items[3]
            #expect(unknown["tokens"]?.members?["own"] == .null, "missing is not 0")
            #expect(unknown["tokens"]?.members?["reported"] == .integer(70))
        }
    }

    @Test("CSV has a line for each account and day, with empty cells for what is missing")
    func csv() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            try fill(admin)
            let path = "/v1/reports/drift?account=main&from=\(try day(4, admin))&to=\(try day(2, admin))"
            let expected = [
                "account,provider,day,status,own_tokens,reported_tokens,tokens_percent,own_cost,reported_cost_usd,"
                    + "cost_percent,is_past_threshold",
                "main,anthropic,\(try day(4, admin)),no_history,,70,,,1,,false",
                "main,anthropic,\(try day(3, admin)),compared,1000,1000,0,2,2,0,false",
                "main,anthropic,\(try day(2, admin)),no_figures,5,,,0,,,false", "",
            ].joined(separator: "\r\n")
            #expect(try await admin.ask("GET", path + "&format=csv").text == expected)
            #expect(try await admin.ask("GET", path, headers: ["Accept": "text/csv"]).text == expected)
        }
    }

    @Test("the command prints a table, CSV or JSON")
    func command() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            try fill(admin)
            let from = try day(3, admin)
            let shown = try await admin.tollgate("report", "drift", "main", "--from", from)
            #expect(
                shown.output == """
                    days      \(from) to \(try day(1, admin)), UTC
                    alerts    past 5 %

                    account  day         own tokens  tokens    drift  own cost  cost  cost drift  status
                    main     \(from)        1000    1000      0 %         2     2         0 %  ok
                    main     \(try day(2, admin))           5       -        -         0     -           -  no figures
                    main     \(try day(1, admin))         877    1000  -12.3 %      1.05     1         5 %  drift

                    """, "\(shown.output)\(shown.errors)")
            let json = try await admin.tollgate("report", "drift", "--to", from, "--json")
            #expect(json.output.hasPrefix(#"{"costs_compared":true,"#), "\(json.output)")
            let csv = try await admin.tollgate("report", "drift", "quotas", "--csv")
            #expect(csv.output.contains("quotas,github,\(from),not_reported,,,,,,,false"), "\(csv.output)")
            let wrong = try await admin.tollgate("report", "drift", "other")
            #expect(wrong.status == 2 && wrong.errors.contains("there is no account other in the policy"))
        }
    }

    @Test("costs in another currency are not compared, and the report says so")
    func euros() async throws {
        try await withAdmin(policy: "currency: EUR\n" + Self.policy) { admin in
            try fill(admin)
            try set(admin, 1, own: ["cost": 1], figures: "cost=1")
            let answer = try await admin.ask("GET", "/v1/reports/drift?account=main")
            #expect(answer["costs_compared"] == .bool(false))
            let items = try #require(answer["items"]?.items).compactMap(\.members)
            #expect(items.last?["status"]?.text == "other_currency")
            #expect(items[4]["status"]?.text == "compared" && items[4]["cost"]?.members?["percent"] == .null)
            let shown = try await admin.tollgate("report", "drift", "main")
            #expect(shown.output.contains("costs     not compared: ours are in EUR, the providers' in USD"))
        }
    }

    @Test("without a history of accounts, and beyond the retained days, nothing of ours is known")
    func noHistory() async throws {
        for settings in ["history: [user]", "history_days: 1"] {
            try await withAdmin(policy: "\(settings)\n" + Self.policy) { admin in
                try fill(admin)
                let answer = try await admin.ask("GET", "/v1/reports/drift?account=main&from=\(try day(3, admin))")
                let items = try #require(answer["items"]?.items).compactMap(\.members)
                #expect(items.first?["status"]?.text == "no_history", "\(settings)")
                let last = settings.hasPrefix("history:") ? "no_history" : "compared"
                #expect(items.last?["status"]?.text == last, "\(settings)")
            }
        }
    }

    @Test("wrong parameters are errors that say what is right")
    func parameters() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let (today, yesterday) = (try day(0, admin), try day(1, admin))
            for (query, sentence) in [
                ("to=\(today)", "to: \(today) has not ended in UTC; expected at most \(yesterday)"),
                ("from=\(today)", "from: \(today) is after \(yesterday)"),
                ("from=\(try day(32, admin))", "from: 32 days up to \(yesterday); expected at most 31"),
                ("from=yesterday", "from: expected a day such as 2026-11-20"),
                ("to=2026-02-30", "to: expected a day such as 2026-11-20"),
                ("day=1", "day: unknown query parameter; expected one of account, from, to, format"),
                ("format=xml", "format: expected json or csv"),
            ] {
                let answer = try await admin.ask("GET", "/v1/reports/drift?\(query)")
                #expect(answer.status == 400 && answer["detail"]?.text == sentence, "\(answer.text)")
            }
            let longest = try await admin.ask("GET", "/v1/reports/drift?account=main&from=\(try day(31, admin))")
            #expect(longest["items"]?.items?.count == 31)
            let other = try await admin.ask("GET", "/v1/reports/drift?account=other")
            #expect(other.status == 404)
            #expect(other["detail"]?.text == "account: there is no account other in the policy")
            let caller = AdminHarness.tokens[.caller]
            #expect(try await admin.ask("GET", "/v1/reports/drift", token: caller).status == 403)
        }
    }
}

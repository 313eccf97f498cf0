import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// The day's and the month's pages of a scope.
@Suite struct HistoryTests {
    static let policy = """
        history: [user, provider]
        defaults:
          user: { requests: { 24h: 8 } }
          tool: { cost: { request: 1 } }
        """

    /// The names of the pages of today and this month in UTC.
    private static func pages(of scope: String) -> [String] {
        let today = Date.now.ISO8601Format(.iso8601.year().month().day())
        return ["tollgate:\(scope):day:\(today)", "tollgate:\(scope):month:\(today.prefix(7))"]
    }

    /// So that a test begins and ends on one day.
    private func waitOutMidnight() async throws {
        let intoDay = { Int(Date.now.timeIntervalSince1970) % 86_400 }
        guard intoDay() > 86_370 else { return }
        try await eventually(within: .seconds(40)) { intoDay() < 3_600 }
    }

    @Test(
        "a day holds requests, denied, tokens and cost in all, by provider, by tool and by model; its month knows of it"
    )
    func contents() async throws {
        try await waitOutMidnight()
        try await withServer(policy: Self.policy) { harness in
            let replies = try await harness.ask(
                "CHECK user=a tool=search provider=openai model=small hits=3", "PEEK user=a tool=search",
                "RECORD user=a tool=search provider=openai input_tokens=100 output_tokens=20 cost=0.25",
                "RECORD user=a tool=write provider=openai model=small tokens=30 cost=0.000000001",
                "RECORD user=a tool=search provider=azure cost=1.5",
                "REFUND user=a tool=search provider=openai tokens=20 cost=0.05",
                "CHECK user=a hits=6", "CHECK user=a provider=azure hits=6", "CHECK user=a tool=search cost=2",
                "CHECK user=a hits=5")
            #expect(
                replies.map { String($0.prefix { $0 != " " }) } == [
                    "ALLOW", "ALLOW", "OK", "OK", "OK", "OK", "DENY", "DENY", "DENY", "ALLOW",
                ])
            let user = Self.pages(of: "user:a")
            // The DENY of the tool's limit is not this user's.
            #expect(
                try harness.redis.hash(user[0]) == [
                    "folded": "0", "values/provider": "2", "values/tool": "2", "values/model": "1",
                    "requests": "8", "requests/provider=openai": "3", "requests/tool=search": "3",
                    "requests/model=small": "3", "denied": "12", "denied/provider=azure": "6",
                    "tokens": "130", "tokens/provider=openai": "130", "tokens/tool=search": "100",
                    "tokens/tool=write": "30", "tokens/model=small": "30",
                    "input_tokens": "100", "input_tokens/provider=openai": "100", "input_tokens/tool=search": "100",
                    "output_tokens": "20", "output_tokens/provider=openai": "20", "output_tokens/tool=search": "20",
                    "cost": "1700000001", "cost/provider=openai": "200000001", "cost/provider=azure": "1500000000",
                    "cost/tool=search": "1700000000", "cost/tool=write": "1", "cost/model=small": "1",
                ])
            let month = try harness.redis.hash(user[1])
            #expect(month["open_day"].map { user[0].hasSuffix($0) } == true)
            #expect(Set(month.keys) == ["open_day", "open_ends"])
            let provider = try harness.redis.hash(Self.pages(of: "provider:openai")[0])
            #expect(provider["cost"] == "200000001" && provider["cost/tool=search"] == "200000000")
            #expect(provider["requests/model=small"] == "3")
            // On its own page everything is by this provider.
            #expect(!provider.keys.contains { $0.contains("provider=") })
            let ranking = "tollgate:top-scopes:user:cost:" + user[0].suffix(10)
            #expect(try harness.redis.cli("ZRANGE", ranking, "0", "-1", "WITHSCORES") == "user:a\n1700000001")
            // A kind that history is not kept of, and one of which nothing is kept at all.
            for page in Self.pages(of: "tool:search") + Self.pages(of: "model:small") + ["tollgate:model:small"] {
                #expect(try harness.redis.cli("EXISTS", page) == "0")
            }
        }
    }

    @Test("a month is kept 14 months after its end, and so is the day of it that is open")
    func expiry() async throws {
        try await waitOutMidnight()
        try await withServer(policy: Self.policy) { harness in
            #expect(try await harness.ask("CHECK user=a", "RECORD user=a cost=1").last == "OK")
            var calendar = Calendar(identifier: .gregorian)
            calendar.timeZone = .gmt
            let month = try #require(calendar.dateInterval(of: .month, for: .now))
            let end = Int(month.end.timeIntervalSince1970) + 14 * 31 * 86_400
            for page in Self.pages(of: "user:a") {
                #expect(try harness.redis.cli("PEXPIRETIME", page) == "\(end * 1_000)", "\(page)")
            }
        }
    }

    @Test("a DENY leaves its count, and when it was told, only with the scope that refused")
    func deny() async throws {
        try await waitOutMidnight()
        let policy = Self.policy + "\n  provider: { requests: { 1m: 0 } }\n"
        try await withServer(policy: policy) { harness in
            let replies = try await harness.ask("CHECK user=a provider=openai hits=2")
            #expect(replies[0].hasPrefix("DENY reason=blocked"))
            let pages = Self.pages(of: "provider:openai")
            #expect(try harness.redis.hash(pages[0]) == ["folded": "0", "denied": "2"])
            #expect(Set(try harness.redis.hash("tollgate:provider:openai").keys) == ["requests/1m.e"])
            let keys = try harness.redis.cli("KEYS", "*:provider:*").split(separator: "\n").map(String.init)
            let ranking = "tollgate:top-scopes:provider:denied:" + pages[0].suffix(10)
            let others = ["tollgate:{policy}:", "tollgate:{alerts}:"]
            #expect(
                Set(keys.filter { key in !others.contains { key.hasPrefix($0) } })
                    == Set(pages + [ranking, "tollgate:provider:openai"]))
        }
    }
}

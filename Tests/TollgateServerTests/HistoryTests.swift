import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// A scope's running day, and the records of its days and months.
@Suite struct HistoryTests {
    static let policy = """
        history: [user, provider]
        defaults:
          user: { requests: { 24h: 8 } }
          tool: { cost: { request: 1 } }
        """

    /// Returns the names of the records of today and this month in UTC.
    private static func pages(of scope: String) -> [String] {
        let today = Date.now.ISO8601Format(.iso8601.year().month().day())
        return ["tollgate:\(scope):day:\(today)", "tollgate:\(scope):month:\(today.prefix(7))"]
    }

    /// Returns the fields of the running day in the scope's hash.
    private static func runningDay(of scope: String, _ redis: TestRedis) throws -> [String: String] {
        try redis.hash("tollgate:\(scope)").filter { $0.key.hasPrefix("history") }
    }

    /// Returns the end of the unit of UTC's calendar that contains a date, in Unix ms.
    private static func end(of unit: Calendar.Component, _ date: Date = .now) throws -> Int {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return Int(try #require(calendar.dateInterval(of: unit, for: date)).end.timeIntervalSince1970) * 1_000
    }

    /// Waits until there is enough of the day left for a test.
    private func waitOutMidnight() async throws {
        let intoDay = { Int(Date.now.timeIntervalSince1970) % 86_400 }
        guard intoDay() > 86_370 else { return }
        try await eventually(within: .seconds(40)) { intoDay() < 3_600 }
    }

    @Test("a day records requests, denials, tokens and cost in total, by provider, by tool and by model, and its month")
    func contents() async throws {
        try await waitOutMidnight()
        try await withServer(policy: Self.policy) { harness in
            let replies = try await harness.ask(
                "CHECK user=a tool=search provider=openai model=small requests=3", "PEEK user=a tool=search",
                "RECORD user=a tool=search provider=openai input_tokens=100 output_tokens=20 cost=0.25",
                "RECORD user=a tool=write provider=openai model=small tokens=30 cost=0.000000001",
                "RECORD user=a tool=search provider=azure cost=1.5",
                "REFUND user=a tool=search provider=openai tokens=20 cost=0.05",
                "CHECK user=a requests=6", "CHECK user=a provider=azure requests=6", "CHECK user=a tool=search cost=2",
                "CHECK user=a requests=5")
            #expect(
                replies.map { String($0.prefix { $0 != " " }) } == [
                    "ALLOW", "ALLOW", "OK", "OK", "OK", "OK", "DENY", "DENY", "DENY", "ALLOW",
                ])
            let user = Self.pages(of: "user:a")
            let (day, month) = (user[0].suffix(10), user[1].suffix(7))
            let name = "\(day) \(try Self.end(of: .day)) \(month) \(try Self.end(of: .month))"
            // The denial by the tool's limit does not count for the user.
            var amounts = try Self.runningDay(of: "user:a", harness.redis)
            #expect(amounts.removeValue(forKey: "history") == "\(name) 2 2 1")
            #expect(
                Dictionary(uniqueKeysWithValues: amounts.map { ($0.dropFirst("history/".count), $1) }) == [
                    "requests": "8", "requests/provider=openai": "3", "requests/tool=search": "3",
                    "requests/model=small": "3", "requests/provider=azure": "0", "requests/tool=write": "0",
                    "calls": "3", "calls/provider=openai": "2", "calls/provider=azure": "1", "calls/tool=search": "2",
                    "calls/tool=write": "1", "calls/model=small": "1",
                    "denied": "12", "denied/provider=azure": "6",
                    "tokens": "130", "tokens/provider=openai": "130", "tokens/tool=search": "100",
                    "tokens/tool=write": "30", "tokens/model=small": "30",
                    "input_tokens": "100", "input_tokens/provider=openai": "100", "input_tokens/tool=search": "100",
                    "output_tokens": "20", "output_tokens/provider=openai": "20", "output_tokens/tool=search": "20",
                    "cost": "1700000001", "cost/provider=openai": "200000001", "cost/provider=azure": "1500000000",
                    "cost/tool=search": "1700000000", "cost/tool=write": "1", "cost/model=small": "1",
                ])
            let provider = try Self.runningDay(of: "provider:openai", harness.redis)
            #expect(provider["history/cost"] == "200000001" && provider["history/cost/tool=search"] == "200000000")
            #expect(provider["history/requests/model=small"] == "3")
            // In the provider's own record everything is by this provider.
            #expect(!provider.keys.contains { $0.contains("provider=") })
            let ranking = "tollgate:top-scopes:user:cost:" + user[0].suffix(10)
            #expect(try harness.redis.cli("ZRANGE", ranking, "0", "-1", "WITHSCORES") == "user:a\n1700000001")
            // The running day has no record yet. Neither has a kind without history.
            #expect(try Self.runningDay(of: "tool:search", harness.redis).isEmpty)
            for page in user + Self.pages(of: "tool:search") + Self.pages(of: "model:small") + ["tollgate:model:small"]
            {
                #expect(try harness.redis.cli("EXISTS", page) == "0")
            }
        }
    }

    @Test("a month is stored for 14 months after its end, and so is the hash with its running day")
    func expiry() async throws {
        try await waitOutMidnight()
        try await withServer(policy: Self.policy) { harness in
            let yesterday = Date.now - 86_400
            let replies = try await harness.ask(
                "CHECK user=a", "RECORD user=a cost=1", "RECORD user=a cost=1 at=\(yesterday.ISO8601Format())")
            #expect(replies.suffix(2) == ["OK", "OK"])
            let kept = 14 * 31 * 86_400_000
            let month = "tollgate:user:a:month:\(yesterday.ISO8601Format().prefix(7))"
            for (key, date) in [("tollgate:user:a", Date.now), (month, yesterday)] {
                let end = try Self.end(of: .month, date)
                #expect(try harness.redis.cli("PEXPIRETIME", key) == "\(end + kept)", "\(key)")
            }
        }
    }

    @Test("a DENY writes its count and the time of its event only to the scope that denied")
    func deny() async throws {
        try await waitOutMidnight()
        let policy = Self.policy + "\n  provider: { requests: { 1m: 0 } }\n"
        try await withServer(policy: policy) { harness in
            let replies = try await harness.ask("CHECK user=a provider=openai requests=2")
            #expect(replies[0].hasPrefix("DENY reason=blocked"))
            let provider = try harness.redis.hash("tollgate:provider:openai")
            #expect(Set(provider.keys) == ["requests/1m.e", "history", "history/denied"])
            #expect(provider["history/denied"] == "2")
            let keys = try harness.redis.cli("KEYS", "*:provider:*").split(separator: "\n").map(String.init)
            let ranking = "tollgate:top-scopes:provider:denied:" + Self.pages(of: "provider:openai")[0].suffix(10)
            let others = ["tollgate:{policy}:", "tollgate:{alerts}:"]
            #expect(
                Set(keys.filter { key in !others.contains { key.hasPrefix($0) } })
                    == [ranking, "tollgate:provider:openai"])
        }
    }
}

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
        return ["tollgate:{\(scope)}:day:\(today)", "tollgate:{\(scope)}:month:\(today.prefix(7))"]
    }

    /// So that a test begins and ends on one day.
    private func waitOutMidnight() async throws {
        let intoDay = { Int(Date.now.timeIntervalSince1970) % 86_400 }
        guard intoDay() > 86_370 else { return }
        try await eventually(within: .seconds(40)) { intoDay() < 3_600 }
    }

    @Test("a day and a month hold requests, denied, tokens, and cost in all, by provider and by tool")
    func contents() async throws {
        try await waitOutMidnight()
        try await withServer(policy: Self.policy) { harness in
            let replies = try await harness.ask(
                "CHECK user=a tool=search provider=openai hits=3", "PEEK user=a tool=search",
                "RECORD user=a tool=search provider=openai input_tokens=100 output_tokens=20 cost=0.25",
                "RECORD user=a tool=write provider=openai tokens=30 cost=0.000000001",
                "RECORD user=a tool=search provider=azure cost=1.5",
                "REFUND user=a tool=search provider=openai tokens=20 cost=0.05",
                "CHECK user=a hits=6", "CHECK user=a hits=6", "CHECK user=a tool=search cost=2", "CHECK user=a hits=5")
            #expect(
                replies.map { String($0.prefix { $0 != " " }) } == [
                    "ALLOW", "ALLOW", "OK", "OK", "OK", "OK", "DENY", "DENY", "DENY", "ALLOW",
                ])
            for page in Self.pages(of: "user:a") {
                // The DENY of the tool's limit is not this user's.
                #expect(
                    try harness.redis.hash(page) == [
                        "requests": "8", "denied": "12", "tokens": "130", "cost": "1700000001",
                        "cost/provider=openai": "200000001", "cost/provider=azure": "1500000000",
                        "cost/tool=search": "1700000000", "cost/tool=write": "1",
                    ], "\(page)")
            }
            for page in Self.pages(of: "provider:openai") {
                #expect(
                    try harness.redis.hash(page) == [
                        "requests": "3", "tokens": "130", "cost": "200000001", "cost/provider=openai": "200000001",
                        "cost/tool=search": "200000000", "cost/tool=write": "1",
                    ], "\(page)")
            }
            // A kind that history is not kept of.
            for page in Self.pages(of: "tool:search") { #expect(try harness.redis.cli("EXISTS", page) == "0") }
        }
    }

    @Test("a day is kept 35 days after its end, a month 14 months")
    func expiry() async throws {
        try await waitOutMidnight()
        try await withServer(policy: Self.policy) { harness in
            #expect(try await harness.ask("CHECK user=a", "RECORD user=a cost=1").last == "OK")
            var calendar = Calendar(identifier: .gregorian)
            calendar.timeZone = .gmt
            let lasting: [(Calendar.Component, days: Int)] = [(.day, 35), (.month, 14 * 31)]
            for (page, (unit, days)) in zip(Self.pages(of: "user:a"), lasting) {
                let period = try #require(calendar.dateInterval(of: unit, for: .now))
                let end = Int(period.end.timeIntervalSince1970) + days * 86_400
                let expires = try #require(Int(try harness.redis.cli("PEXPIRETIME", page)))
                #expect(expires == end * 1_000, "\(page)")
            }
        }
    }

    @Test("a DENY leaves only its count, and only with the scope that refused")
    func deny() async throws {
        try await waitOutMidnight()
        let policy = Self.policy + "\n  provider: { requests: { 1m: 0 } }\n"
        try await withServer(policy: policy) { harness in
            let replies = try await harness.ask("CHECK user=a provider=openai hits=2")
            #expect(replies[0].hasPrefix("DENY reason=blocked"))
            for page in Self.pages(of: "provider:openai") {
                #expect(try harness.redis.hash(page) == ["denied": "2"])
            }
            let keys = try harness.redis.cli("KEYS", "tollgate:{*").split(separator: "\n")
            #expect(keys.count { !$0.hasPrefix("tollgate:{policy}:") } == 2)
        }
    }
}

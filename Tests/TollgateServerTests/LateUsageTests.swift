import Foundation
import Testing
import TollgateTestSupport

/// `at=` of RECORD and REFUND.
@Suite struct LateUsageTests {
    static let policy = """
        history: [user, provider]
        thresholds: []
        defaults:
          user:
            tokens: { 1m: 1000000, 24h: 1000000 }
            cost: { day: { max: 100, thresholds: [] }, total: 1000 }
        """

    private func time(_ secondsAgo: Double) -> String {
        Date(timeIntervalSinceNow: -secondsAgo).ISO8601Format()
    }

    private func page(_ scope: String, daysAgo: Int) -> String {
        let day = Date(timeIntervalSinceNow: -86_400 * Double(daysAgo)).ISO8601Format(.iso8601.year().month().day())
        return "tollgate:\(scope):day:\(day)"
    }

    @Test("usage of another day counts for that day, and for periods that have not ended")
    func otherDay() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            #expect(try await client.ask("RECORD user=a provider=p tokens=5 cost=1") == ["OK"])
            let late = "tokens=7 cost=2 at=\(time(3 * 86_400))"
            #expect(
                try await client.ask("RECORD user=a provider=p \(late)", "RECORD user=a cost=3 at=\(time(0))") == [
                    "OK", "OK",
                ])
            let counters = try harness.redis.hash("tollgate:user:a")
            #expect(counters["cost/day"] == "4000000000")
            #expect(counters["cost/total"] == "6000000000")
            #expect(counters["tokens/1m.n"] == "5")
            #expect(counters["tokens/24h.n"] == "5")
            let earlier = try harness.redis.hash(page("user:a", daysAgo: 3))
            #expect(earlier["cost"] == "2000000000")
            #expect(earlier["cost/provider=p"] == "2000000000")
            #expect(earlier["tokens"] == "7")
            #expect(try harness.redis.hash(page("provider:p", daysAgo: 3))["cost"] == "2000000000")
            #expect(counters["history/cost"] == "4000000000")
            #expect(try await client.ask("REFUND user=a provider=p cost=0.5 at=\(time(3 * 86_400))") == ["OK"])
            #expect(try harness.redis.hash(page("user:a", daysAgo: 3))["cost"] == "1500000000")
            #expect(try harness.redis.hash("tollgate:user:a")["cost/day"] == "4000000000")
            #expect(try harness.redis.hash("tollgate:user:a")["cost/total"] == "5500000000")
        }
    }

    @Test("usage that is recorded late leaves its window at the right time")
    func sameWindow() async throws {
        try await withServer(policy: "defaults: { user: { tokens: { 1m: 1000, 24h: 1000 } } }") { harness in
            let seconds = Int(Date.now.timeIntervalSince1970) - 30
            #expect(try await harness.ask("RECORD user=a tokens=7 at=\(seconds)") == ["OK"])
            #expect(try await harness.ask("RECORD user=a tokens=1 at=\(time(3_600))") == ["OK"])
            let counters = try harness.redis.hash("tollgate:user:a")
            #expect(counters["tokens/1m.n"] == "7")
            #expect(counters["tokens/24h.n"] == "8")
            #expect(counters["tokens/1m.r"]?.hasPrefix("7 1 00000000000000") == true, "\(counters)")
        }
    }

    @Test("an invalid time is refused with the permitted range")
    func bad() async throws {
        try await withServer(policy: Self.policy) { harness in
            for bad in ["yesterday", "2026-02-30T00:00:00Z", "-5", "", "1.5.2"] {
                #expect(
                    try await harness.ask("RECORD user=a cost=1 at=\(bad)")[0].hasPrefix("ERR bad_request at: "),
                    "\(bad)")
            }
            let old = try await harness.ask("RECORD user=a cost=1 at=\(time(31 * 86_400 + 60))")[0]
            #expect(old.hasPrefix("ERR bad_request at: more than 31 days ago"))
            let future = try await harness.ask("REFUND user=a cost=1 at=\(time(-120))")[0]
            #expect(future.hasPrefix("ERR bad_request at: in the future"))
            #expect(
                try await harness.ask("CHECK user=a at=5")[0].hasPrefix("ERR bad_request at: not an argument of CHECK"))
            let replies = try await harness.ask("RECORD user=a cost=1 at=5 at=5")
            #expect(replies[0] == "ERR bad_request at: duplicate argument")
            #expect(try await harness.ask("RECORD user=a cost=1 at=\(time(31 * 86_400 - 60))") == ["OK"])
        }
    }
}

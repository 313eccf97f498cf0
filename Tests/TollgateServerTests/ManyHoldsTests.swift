import Testing
import TollgateTestSupport

@testable import TollgateServer

/// The cost of open holds in Redis.
@Suite(.serialized) struct ManyHoldsTests {
    static let policy =
        "defaults: { user: { requests: { 1h: 100000000 }, cost: { day: 8000000 }, concurrent: 1000000 } }"

    /// Returns the microseconds of Redis for a number of rounds of RESERVE, CHECK and COMMIT, each in a call of its
    /// own.
    private func cost(of rounds: Int, _ harness: ServerHarness) async throws -> Double {
        let client = try harness.client()
        try harness.redis.cli("CONFIG", "RESETSTAT")
        for _ in 0..<rounds {
            let reply = try await client.ask("RESERVE user=u cost=0.01 ttl=3600")[0]
            _ = try await client.ask("CHECK user=u cost=0.01")
            #expect(try await client.ask("COMMIT reservation=\(try token(reply)) cost=0.01") == ["OK"])
        }
        let stats = try harness.redis.cli("INFO", "commandstats")
        let line = try #require(
            stats.split(whereSeparator: \.isNewline).first { $0.hasPrefix("cmdstat_\(TestRedis.luaCommand):") })
        return try #require(Double(line.split(separator: "usec=")[1].prefix { $0 != "," }))
    }

    private func open(_ count: Int, _ harness: ServerHarness) async throws {
        let client = try harness.client()
        for _ in 0..<count / 500 {
            let replies = try await client.ask(Array(repeating: "RESERVE user=u cost=0.01 ttl=3600", count: 500))
            #expect(replies.allSatisfy { $0.hasPrefix("ALLOW") })
        }
    }

    @Test("with 10 000 open holds on a scope an operation is at most twice as slow as with 10")
    func tenThousand() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.workers = 1 }) { harness in
            _ = try await harness.client().ask(Array(repeating: "RESERVE user=u cost=0.01 ttl=3600", count: 10))
            _ = try await cost(of: 100, harness)
            var few: [Double] = []
            for _ in 0..<3 { few.append(try await cost(of: 300, harness)) }
            try await open(10_000, harness)
            var many: [Double] = []
            for _ in 0..<3 { many.append(try await cost(of: 300, harness)) }
            // The best of several runs: other load on the machine only adds.
            let (best, bestOfMany) = (few.min() ?? 0, many.min() ?? 0)
            #expect(bestOfMany < 2 * best, "\(few) \(many)")
        }
    }
}

import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of a scope's memory in a Redis with the embedded one's settings, as Redis measures it.
@Suite struct MemoryTests {
    private static let start: Int64 = 4_102_444_800_000
    private static let requests = [60, 3_600, 86_400].map { Limit(.requests, .sliding(seconds: $0), max: 1_000_000) }
    private static let tokens = [60, 3_600, 86_400].map { Limit(.tokens, .sliding(seconds: $0), max: 1_000_000_000) }
    private static let cost = [Period.day, .month].map { Limit(.cost, $0, max: 9_000_000_000_000) }

    /// Returns the size of the user's hash in bytes after a call at each of these times.
    private func memory(of limits: [Limit], history: Set<String> = [], after times: [Int64]) async throws -> Int {
        var policy = Policy()
        policy.history = history
        policy.defaults[try ScopeKind(parsing: "user")] = limits
        let redis = try TestRedis(arguments: EmbeddedRedis.tuning)
        let harness = try await LedgerHarness(policy: policy, redis: redis)
        for time in times {
            let amounts = Amounts(tokens: 3_000, cost: try Money(parsing: "0.0185"))
            _ = try await harness.apply([.check("user:alice"), .record("user:alice", amounts: amounts)], at: time)
        }
        let bytes = try harness.redis.cli("MEMORY", "USAGE", "tollgate:user:alice", "SAMPLES", "0")
        try await harness.stop()
        return try #require(Int(bytes))
    }

    @Test("a user with six windows and two budgets, every bucket of them in use, takes at most 2 KB")
    func everyBucket() async throws {
        let day = (0..<30).map { Self.start + Int64($0) * 2_880_000 }
        let hour = (0..<30).map { Self.start + 86_400_000 + Int64($0) * 120_000 }
        let minute = (0...30).map { Self.start + 86_400_000 + 3_600_000 + Int64($0) * 2_000 }
        let bytes = try await memory(
            of: Self.requests + Self.tokens + Self.cost, history: ["user"], after: day + hour + minute)
        #expect(bytes <= 2_048, "\(bytes) bytes")
    }

    @Test("a user with six limits, of requests, tokens and cost, and a few calls a minute takes at most 700 bytes")
    func typical() async throws {
        let limits = Self.requests + Self.tokens.prefix(1) + Self.cost
        let bytes = try await memory(of: limits, after: (0..<15).map { Self.start + Int64($0) * 20_000 })
        #expect(bytes <= 700, "\(bytes) bytes")
        let all = try await memory(
            of: limits, history: ["user"], after: (0..<15).map { Self.start + Int64($0) * 20_000 })
        #expect(all <= bytes + 250, "\(all) bytes with the running day of its history")
    }
}

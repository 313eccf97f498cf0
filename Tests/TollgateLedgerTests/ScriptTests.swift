import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of the scripts' guarantees beyond the decisions themselves.
@Suite struct ScriptTests {
    /// 2100-01-01 00:00 UTC, a multiple of every bucket's width here.
    static let start: Int64 = 4_102_444_800_000

    private func policy(_ kinds: [String: [Limit]]) throws -> Policy {
        var policy = Policy()
        for (kind, limits) in kinds { policy.defaults[try ScopeKind(parsing: kind)] = limits }
        return policy
    }

    @Test("after a clock goes back, counted usage stays and ages later")
    func clockGoesBack() async throws {
        let harness = try await LedgerHarness(
            policy: policy(["user": [Limit(.requests, .sliding(seconds: 60), max: 2)]]))
        let day: Int64 = 86_400_000
        for _ in 0..<2 { _ = try await harness.apply(.check("user:a"), at: Self.start + day) }
        #expect(try await harness.apply(.check("user:a"), at: Self.start).hasPrefix("DENY"))
        // A write at the earlier time makes its bucket the newest; from then on time passes as usual.
        _ = try await harness.apply(.refund("user:a", amounts: Amounts(requests: 1)), at: Self.start)
        #expect(try await harness.apply(.check("user:a"), at: Self.start).hasPrefix("ALLOW"))
        #expect(try await harness.apply(.check("user:a"), at: Self.start + 61_999).hasPrefix("DENY"))
        #expect(try await harness.apply(.check("user:a"), at: Self.start + 62_000).hasPrefix("ALLOW"))
        try await harness.stop()
    }

    @Test("after a clock goes back a little, counted usage does not age sooner")
    func clockGoesBackALittle() async throws {
        let harness = try await LedgerHarness(
            policy: policy(["user": [Limit(.requests, .sliding(seconds: 60), max: 3)]]))
        for _ in 0..<2 { _ = try await harness.apply(.check("user:a"), at: Self.start + 40_000) }
        #expect(try await harness.apply(.check("user:a"), at: Self.start).hasPrefix("ALLOW"))
        // The first two count until a window after their own time.
        #expect(try await harness.apply(.check("user:a"), at: Self.start + 99_999).hasPrefix("DENY"))
        #expect(try await harness.apply(.check("user:a"), at: Self.start + 102_000).hasPrefix("ALLOW"))
        try await harness.stop()
    }

    @Test("a scope whose plan is dropped and rebuilt within one tick is still decided in order")
    func droppedPlans() async throws {
        let harness = try await LedgerHarness(
            policy: policy(["user": [Limit(.requests, .sliding(seconds: 60), max: 1)]]))
        try await harness.useSmallCache()
        let names = ["user:z"] + (0..<40).map { "user:u\($0)" } + ["user:z"]
        let answers = try await harness.apply(names.map { try TestOperation.check($0) }, at: Self.start)
        #expect(answers.first == "ALLOW user:z/requests/1m used=1")
        #expect(answers.last == "DENY user:z/requests/1m used=1 wait=62000")
        try await harness.stop()
    }

    @Test("a batch with an outdated calendar period is resent for Redis's time")
    func unexpectedTime() async throws {
        let harness = try await LedgerHarness(policy: policy(["user": [Limit(.cost, .day, max: 100)]]))
        // Without a fixed clock the script uses Redis's; the ledger's estimate is years off.
        try await harness.guessClock(at: Self.start)
        #expect(try await harness.apply(.check("user:a"), at: nil) == "ALLOW user:a/cost/day used=0")
        try await harness.guessClock(at: 0)
        #expect(try await harness.apply(.record("user:a", amounts: Amounts(cost: 5)), at: nil) == "OK")
        #expect(try await harness.apply(.check("user:a"), at: nil) == "ALLOW user:a/cost/day used=5")
        try await harness.stop()
    }

    @Test("a key that is not a hash fails its own operations and no others")
    func brokenKey() async throws {
        let limits = [Limit(.requests, .sliding(seconds: 60), max: 2)]
        let harness = try await LedgerHarness(policy: policy(["user": limits]))
        try harness.redis.cli("SET", "tollgate:user:b", "not ours")
        let answers = try await harness.apply(
            [.check("user:a"), .check("user:b"), .check("user:b", "user:a"), .check("user:a"), .check("user:a")],
            at: Self.start)
        #expect(answers[0] == "ALLOW user:a/requests/1m used=1")
        #expect(answers[1] == "BROKEN user:b")
        #expect(answers[2] == "BROKEN user:b")
        #expect(answers[3] == "ALLOW user:a/requests/1m used=2")
        #expect(answers[4].hasPrefix("DENY"))
        try await harness.stop()
    }

    @Test("every key has a time to live that covers its longest period; with a total limit it does not expire")
    func timesToLive() async throws {
        var policy = try policy([
            "user": [Limit(.requests, .sliding(seconds: 60), max: 9), Limit(.cost, .month, max: 9_000)],
            "tool": [Limit(.requests, .sliding(seconds: 60), max: 9)],
            "team": [Limit(.requests, .sliding(seconds: 60), max: 9), Limit(.cost, .total, max: 9_000)],
            "account": [Limit(.requests, .sliding(seconds: 60), max: 9)],
        ])
        policy.history = ["account"]
        let harness = try await LedgerHarness(policy: policy)
        let operation = try TestOperation.check("user:a", "tool:t", "team:x", "account:b")
        _ = try await harness.apply(operation, at: Self.start)
        func expiry(_ key: String) throws -> Int64? { Int64(try harness.redis.cli("PEXPIRETIME", key)) }
        let februaryStarts = Self.start + 31 * 86_400_000
        #expect(try expiry("tollgate:user:a") == februaryStarts)
        #expect(try expiry("tollgate:tool:t") == Self.start + 32 * 2_000)
        #expect(try expiry("tollgate:team:x") == -1)
        // The hash has the current day, and lives as long as its month.
        #expect(try expiry("tollgate:account:b") == februaryStarts + 14 * 31 * 86_400_000)
        // The expiry moves forward with the window, never back.
        _ = try await harness.apply(operation, at: Self.start + 10_000)
        #expect(try expiry("tollgate:tool:t") == Self.start + 10_000 + 32 * 2_000)
        #expect(try expiry("tollgate:user:a") == februaryStarts)
        try await harness.stop()
    }

    @Test("PEEK and amounts of zero write nothing; a DENY writes only the time of its notice")
    func nothingWritten() async throws {
        var policy = try policy([
            "user": [Limit(.requests, .sliding(seconds: 60), max: 0)], "tool": [Limit(.tokens, .day, max: 5)],
        ])
        policy.history = []
        let harness = try await LedgerHarness(policy: policy)
        let peek = TestOperation(verb: .peek, amounts: Amounts(requests: 1), scopes: [try Scope(parsing: "tool:t")])
        let answers = try await harness.apply(
            [
                peek, .check("user:a", "tool:t"), .record("tool:t", amounts: Amounts(tokens: 0)),
                .refund("tool:t", amounts: Amounts(tokens: 3)),
            ],
            at: Self.start)
        #expect(answers == ["ALLOW tool:t/tokens/day used=0", "DENY user:a/requests/1m used=0 wait=-1", "OK", "OK"])
        #expect(try harness.redis.cli("KEYS", "tollgate:user:*") == "tollgate:user:a")
        #expect(try harness.redis.hash("tollgate:user:a") == ["requests/1m.e": "- \(Self.start)"])
        #expect(try harness.redis.cli("DBSIZE") == "3", "and the producer's number, and the key of tokens")
        try await harness.stop()
    }

    @Test("a lowered limit applies at once to the usage so far")
    func loweredLimit() async throws {
        let harness = try await LedgerHarness(
            policy: policy(["user": [Limit(.requests, .sliding(seconds: 60), max: 10)]]))
        for _ in 0..<5 { _ = try await harness.apply(.check("user:a"), at: Self.start) }
        try await harness.install(policy(["user": [Limit(.requests, .sliding(seconds: 60), max: 5)]]))
        #expect(
            try await harness.apply(.check("user:a"), at: Self.start) == "DENY user:a/requests/1m used=5 wait=62000")
        try await harness.stop()
    }
}

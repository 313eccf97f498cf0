import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of rare combinations in the scripts.
@Suite struct ScriptEdgeTests {
    private static let noon: Int64 = ScriptTests.start + 12 * 3_600_000

    private func policy(_ limits: [Limit]) throws -> Policy {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "user")] = limits
        return policy
    }

    @Test("a counter that is not a number, or is negative, counts as zero", arguments: ["nan", "-5", "-1e30", "x"])
    func nonsense(_ text: String) async throws {
        let harness = try await LedgerHarness(policy: policy([Limit(.requests, .sliding(seconds: 60), max: 2)]))
        try harness.redis.cli(
            "HSET", "tollgate:user:a", "requests/1m.n", text, "requests/1m.b", "\(ScriptTests.start / 2_000)")
        let check = try TestOperation.check("user:a")
        let answers = try await harness.apply([check, check, check], at: ScriptTests.start)
        #expect(answers.prefix(2) == ["ALLOW user:a/requests/1m used=1", "ALLOW user:a/requests/1m used=2"])
        #expect(answers.last?.hasPrefix("DENY") == true)
        #expect(try harness.redis.hash("tollgate:user:a")["requests/1m.n"] == "2")
        try await harness.stop()
    }

    @Test("a sum that exceeds 2^53 within a batch and falls again is exact")
    func pastAndBack() async throws {
        let harness = try await LedgerHarness(policy: policy([Limit(.cost, .day, max: 9_000_000_000_000_000)]))
        let large: Int64 = 9_007_199_254_740_991
        _ = try await harness.apply(.record("user:a", amounts: Amounts(cost: 9_000_000_000_000_000)), at: Self.noon)
        _ = try await harness.apply(
            [
                .record("user:a", amounts: Amounts(cost: 8_000_000_000_000_003)),
                .refund("user:a", amounts: Amounts(cost: 8_000_000_000_000_000)),
            ],
            at: Self.noon)
        #expect(9_000_000_000_000_003 < large)
        #expect(try harness.redis.hash("tollgate:user:a")["cost/day"] == "9000000000000003")
        try await harness.stop()
    }

    @Test("a full limit is free a window after the clock has gone back by hours, even if all replies were DENY")
    func clockSetBack() async throws {
        let harness = try await LedgerHarness(policy: policy([Limit(.requests, .sliding(seconds: 60), max: 2)]))
        let check = try TestOperation.check("user:a")
        _ = try await harness.apply([check, check], at: Self.noon)
        let later = Self.noon - 36_000_000
        for seconds: Int64 in [0, 30, 59] {
            #expect(try await harness.apply(check, at: later + seconds * 1_000).hasPrefix("DENY"))
        }
        #expect(try await harness.apply(check, at: later + 63_000) == "ALLOW user:a/requests/1m used=1")
        try await harness.stop()
    }

    @Test("what a RESERVE without a decision has found does not appear in the next answer")
    func overfullTellsNothing() async throws {
        let shadow = Limit(.cost, .day, max: 5, mode: .shadow)
        let harness = try await LedgerHarness(policy: policy([shadow]))
        let large = Amounts(cost: 9_000_000_000_000_000)
        let peek = TestOperation(verb: .peek, amounts: Amounts(requests: 1), scopes: [try Scope(parsing: "user:b")])
        let answers = try await harness.apply(
            [
                try .reserve("user:a", amounts: large, id: "1"), try .reserve("user:a", amounts: large, id: "2"), peek,
            ], at: Self.noon)
        #expect(answers == ["ALLOW shadow=user:a/cost/day", "OVERFULL user:a", "ALLOW"])
        try await harness.stop()
    }

    @Test("a deleted set of holds holds nothing, from the first COMMIT on")
    func holdsGone() async throws {
        let harness = try await LedgerHarness(policy: policy([Limit(.cost, .day, max: 100)]))
        let first = try TestOperation.reserve("user:a", amounts: Amounts(cost: 40), id: "1")
        let second = try TestOperation.reserve("user:a", amounts: Amounts(cost: 50), id: "2")
        _ = try await harness.apply([first, second], at: Self.noon)
        try harness.redis.cli("DEL", "tollgate:user:a:holds")
        #expect(
            try await harness.apply(first.commit(madeAt: Self.noon, amounts: Amounts(cost: 30)), at: Self.noon) == "OK")
        let stored = try harness.redis.hash("tollgate:user:a")
        #expect(stored["held"] == nil)
        #expect(stored["cost/day"] == "30")
        #expect(try await harness.apply(second.cancel(madeAt: Self.noon), at: Self.noon) == "OK")
        try await harness.stop()
    }
}

import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of usage that is counted after its period has ended.
@Suite struct LatePeriodTests {
    /// 2100-01-01T00:00:00Z
    private static let midnight: Int64 = 4_102_444_800_000

    private func policy() throws -> Policy {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "user")] = [
            Limit(.tokens, .sliding(seconds: 60), max: nil), Limit(.cost, .day, max: 100),
            Limit(.cost, .month, max: nil), Limit(.cost, .total, max: nil),
        ]
        return policy
    }

    @Test("a COMMIT after the end of a day and a month counts in the day and month of its RESERVE")
    func commit() async throws {
        let harness = try await LedgerHarness(policy: try policy())
        let (before, after) = (Self.midnight - 1_000, Self.midnight + 2_000)
        let reserve = try TestOperation.reserve("user:a", "tool:t", amounts: Amounts(cost: 60), id: "r1")
        _ = try await harness.apply([reserve, .record("user:a", amounts: Amounts(cost: 7))], at: before)
        let commit = reserve.commit(madeAt: before, amounts: Amounts(tokens: 5, cost: 50))
        let answers = try await harness.apply([.record("user:a", amounts: Amounts(cost: 1)), commit], at: after)
        #expect(answers == ["OK", "OK"])
        let counters = try harness.redis.hash("tollgate:user:a")
        #expect(counters["cost/day"] == "1")
        #expect(counters["cost/month"] == "1")
        #expect(counters["cost/total"] == "58")
        #expect(counters["tokens/1m.n"] == "5", "a window has no end")
        #expect(counters["held"] == nil)
        let history = try StoredHistory(harness.redis)
        #expect(history.day("2099-12-31", of: "user:a")["cost"] == 57)
        #expect(history.day("2099-12-31", of: "user:a")["cost/tool=t"] == 50)
        #expect(history.month("2099-12", of: "user:a")["cost"] == 57)
        #expect(history.day("2100-01-01", of: "user:a")["cost"] == 1)
        #expect(history.month("2100-01", of: "user:a")["cost"] == 1)
        try await harness.stop()
    }

    @Test("journaled usage counts in the day of its time, and in windows that still reach back to it")
    func journal() async throws {
        let harness = try await LedgerHarness(policy: try policy())
        let plans = ScopePlanCache(policy: try policy(), keySpace: KeySpace(namespace: "tollgate"))
        let after = Self.midnight + 20_000
        _ = try await harness.apply(.check("user:a"), at: after)
        let times = [Self.midnight - 1_000, Self.midnight - 86_400_001, Self.midnight + 1]
        let kept = try times.map { time in
            let plan = plans.plan(for: try Scope(parsing: "user:a"))
            let amounts = Amounts(tokens: 3, cost: 10)
            return JournalEntry(
                BatchedOperation(verb: .record, amounts: amounts, scopes: [plan], usedAt: time), nil, [])
        }
        let record = Journal.Record(
            number: 1, identity: BatchIdentity(producer: "p", sequence: 1), operations: kept.count,
            payload: JournalEntry.text(of: kept) ?? "", acceptedAt: 0)
        #expect(try await harness.replay(record) == .applied)
        let counters = try harness.redis.hash("tollgate:user:a")
        #expect(counters["cost/day"] == "10")
        #expect(counters["cost/total"] == "30")
        #expect(counters["tokens/1m.n"] == "6")
        let history = try StoredHistory(harness.redis)
        #expect(history.day("2099-12-30", of: "user:a")["cost"] == 10)
        #expect(history.day("2099-12-31", of: "user:a")["cost"] == 10)
        #expect(history.day("2100-01-01", of: "user:a")["cost"] == 10)
        #expect(history.month("2099-12", of: "user:a")["cost"] == 20)
        try await harness.stop()
    }
}

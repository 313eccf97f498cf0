import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

@Suite struct MoneyLedgerTests {
    @Test("1 000 000 RECORDs of 0.000000001 to 0.1 sum exactly, in the counters and in the history")
    func sumsExactly() async throws {
        var policy = Policy()
        let user = try ScopeKind(parsing: "user")
        policy.defaults[user] = [Limit(.cost, .day, max: 10), Limit(.cost, .total, max: nil)]
        let harness = try await LedgerHarness(policy: policy)
        var random = SeededGenerator(seed: 7)
        var sum: Int64 = 0
        let now: Int64 = 4_102_444_800_000
        let record = try TestOperation.record("user:alice", "provider:p", amounts: Amounts())
        for _ in 0..<2_000 {
            let batch = (0..<500).map { _ in
                var operation = record
                let cost = Int64.random(in: 1...100_000_000, using: &random)
                sum += cost
                operation.amounts.cost = cost
                return operation
            }
            let answers = try await harness.apply(batch, at: now)
            try #require(answers.allSatisfy { $0 == "OK" })
        }
        let counters = try harness.redis.hash("tollgate:user:alice")
        #expect(counters["cost/day"] == "\(sum)")
        #expect(counters["cost/total"] == "\(sum)")
        #expect(counters["history/cost"] == "\(sum)")
        #expect(counters["history/cost/provider=p"] == "\(sum)")
        try await harness.stop()
    }

    @Test("counters stay exact above 2^53, where doubles are not")
    func exactAboveDoubles() async throws {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "user")] = [
            Limit(.cost, .total, max: nil), Limit(.cost, .day, max: nil),
        ]
        let harness = try await LedgerHarness(policy: policy)
        let largest = Meter.cost.maxAmount
        let now: Int64 = 4_102_444_800_000
        let odd = largest - 1
        let record = { (amount: Int64) in try TestOperation.record("user:a", amounts: Amounts(cost: amount)) }
        // In one batch, then one by one, then back below 2^53.
        _ = try await harness.apply([record(odd), record(odd), record(odd), record(2)], at: now)
        #expect(try harness.redis.hash("tollgate:user:a")["cost/total"] == "\(odd * 3 + 2)")
        for amount in [largest, 1, 1, 1] { _ = try await harness.apply(record(amount), at: now) }
        let sum = odd * 3 + 2 + largest + 3
        for field in ["cost/total", "cost/day", "history/cost"] {
            #expect(try harness.redis.hash("tollgate:user:a")[field] == "\(sum)")
        }
        for amount in [largest, largest, largest, 5] {
            _ = try await harness.apply(.refund("user:a", amounts: Amounts(cost: amount)), at: now)
        }
        let rest = sum - 3 * largest - 5
        let counters = try harness.redis.hash("tollgate:user:a")
        #expect(counters["cost/total"] == "\(rest)")
        #expect(counters["cost/day"] == "\(rest)")
        try await harness.stop()
    }
}

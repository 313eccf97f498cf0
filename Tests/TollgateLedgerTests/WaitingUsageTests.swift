import Testing
import TollgateCore
import TollgatePolicy

@testable import TollgateLedger

/// Tests of the sums of usage in a journal.
@Suite struct WaitingUsageTests {
    private func operation(_ verb: OperationVerb, cost: Int64) -> JournalEntry {
        let cache = ScopePlanCache(policy: Policy(), keySpace: KeySpace(namespace: "tollgate"))
        let plans = [cache.plan(for: .global)]
        return JournalEntry(
            BatchedOperation(verb: verb, amounts: Amounts(cost: cost), scopes: plans, usedAt: nil), nil, [])
    }

    @Test("sums contain added usage until it is replayed, and nothing that takes back")
    func sums() {
        let waiting = WaitingUsage(in: .nano)
        let record = [operation(.record, cost: 5), operation(.commit, cost: 2), operation(.refund, cost: 4)]
        waiting.add(record)
        #expect(waiting.amounts(of: "global") == [.cost: 7])
        #expect(waiting.amounts(of: "user:a") == nil)
        waiting.remove(record)
        #expect(waiting.amounts(of: "global") == nil)
        #expect(waiting.isEmpty)
    }

    @Test("sums stay within what the script can add exactly, however much waits")
    func bounds() {
        let waiting = WaitingUsage(in: .nano)
        let most = (0..<3).map { _ in operation(.record, cost: .max) }
        waiting.add(most)
        #expect(waiting.amounts(of: "global") == [.cost: (1 << 53) - 1])
        waiting.add([operation(.record, cost: -7)])
        waiting.remove(most)
        #expect(waiting.amounts(of: "global") == [.cost: 0])
    }
}

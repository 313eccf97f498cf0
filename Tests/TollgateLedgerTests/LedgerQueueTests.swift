import Testing
import TollgateCore
import TollgatePolicy

@testable import TollgateLedger

/// Tests of operations that wait in a ledger for Redis.
@Suite struct LedgerQueueTests {
    private func harness() async throws -> LedgerHarness {
        let policy = "defaults: { user: { requests: { total: 1000000 } } }"
        return try await LedgerHarness(policy: Policy(yaml: policy, file: "test.yaml"))
    }

    @Test("beyond 64 waiting batches, operations are refused as busy, and the waiting ones are answered")
    func tooMany() async throws {
        let harness = try await harness()
        let room = (BatchQueue.maxWaiting + 1) * Batch.capacity
        let lines = try await harness.apply(Array(repeating: .check("user:a"), count: room + 10), at: nil)
        #expect(lines.prefix(room).enumerated().allSatisfy { $1 == "ALLOW user:a/requests/total used=\($0 + 1)" })
        #expect(lines.suffix(10) == Array(repeating: "FAILED busy", count: 10)[...])
        try await harness.stop()
    }

    @Test("an operation that has waited too long is refused as busy, which is not an outage: the next one is answered")
    func tooLong() async throws {
        let harness = try await harness()
        #expect(try await harness.applyOverdue(.check("user:a")) == ["FAILED busy"])
        #expect(try await harness.apply(.check("user:a"), at: nil) == "ALLOW user:a/requests/total used=1")
        try await harness.stop()
    }

    @Test("a batch closes at a number of distinct scopes, so that none takes Redis too long")
    func manyScopes() {
        let batch = Batch(number: 1, keySpace: KeySpace(namespace: "tollgate"))
        let cache = ScopePlanCache(policy: Policy(), keySpace: KeySpace(namespace: "tollgate"))
        var added = 0
        while !batch.isFull {
            let plans = (0..<16).compactMap { try? Scope(parsing: "user:\(added)-\($0)") }.map { cache.plan(for: $0) }
            batch.append(.check, Amounts(requests: 1), on: plans, terms: nil, for: IdleDelegate(), ticket: added)
            added += 1
        }
        #expect(added == Batch.Bounds.long.scopes / 16)
    }
}

private final class IdleDelegate: OperationDelegate {
    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {}
    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {}
}

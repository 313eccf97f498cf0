package import NIOCore
package import TollgateCore

/// Waits for what becomes of a record that is replayed. Owned by the ledger's event loop.
final class ReplayedRecord: OperationOwner {
    private var missing: Int
    private var outcome = JournalReplay.Outcome.applied
    private let promise: EventLoopPromise<JournalReplay.Outcome>
    private unowned let ledger: Ledger

    init(operations: Int, ledger: Ledger, promise: EventLoopPromise<JournalReplay.Outcome>) {
        missing = operations
        self.ledger = ledger
        self.promise = promise
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {
        if answer.outcome == .broken {
            let scope = answer.limit.map { "\($0.plan.scope)" } ?? "a scope"
            outcome = .impossible("operation \(ticket + 1): the key of \(scope) in Redis is not a hash")
        }
        if answer.outcome == .conflict {
            outcome = .impossible("operation \(ticket + 1): its id was used before for other amounts")
        }
        oneMore()
    }

    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {
        if case .internal(let reason) = failure {
            outcome = .failing(reason, others: ledger.answeredBatches)
        } else {
            outcome = .notNow
        }
        oneMore()
    }

    private func oneMore() {
        missing -= 1
        if missing == 0 { promise.succeed(outcome) }
    }
}

extension Ledger {
    /// Sends a record of the journal. `plan` finds the scopes of now.
    package func replay(
        _ record: Journal.Record, plan: (Scope, UserTraits) -> ScopePlan
    ) -> EventLoopFuture<JournalReplay.Outcome> {
        guard isReady else { return eventLoop.makeSucceededFuture(.notNow) }
        let promise = eventLoop.makePromise(of: JournalReplay.Outcome.self)
        let owner = ReplayedRecord(operations: record.operations, ledger: self, promise: promise)
        if !replay(record, plan: plan, for: owner) { promise.succeed(.impossible("this version cannot read it")) }
        return promise.futureResult
    }
}

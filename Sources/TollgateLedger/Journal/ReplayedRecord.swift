package import NIOCore
package import TollgateCore
package import TollgatePolicy

/// Collects the results of a replayed record's operations. Owned by the ledger's event loop.
final class ReplayedRecord: OperationDelegate {
    private let operations: Int
    private var missing: Int
    private var outcome = JournalReplay.Outcome.applied
    /// The indices of the operations that Redis will never apply.
    private var faults: [Int] = []
    private var firstFault = ""
    private let promise: EventLoopPromise<JournalReplay.Outcome>
    private unowned let ledger: Ledger

    init(operations: Int, ledger: Ledger, promise: EventLoopPromise<JournalReplay.Outcome>) {
        self.operations = operations
        missing = operations
        self.ledger = ledger
        self.promise = promise
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {
        switch answer.outcome {
        case .broken:
            guard let scope = answer.limit?.plan.scope else {
                // Applied before its reply was lost. Redis remembers only that some operations could not be applied.
                firstFault = "the key of a scope in Redis is not a hash; its other operations were applied"
                break
            }
            addFault("the key of \(scope) in Redis is not a hash", of: ticket)
        case .conflict: addFault("its id was used before for other amounts", of: ticket)
        default: break
        }
        finishOne()
    }

    /// Marks an operation as impossible without sending it.
    func cannotApply(_ reason: String, ticket: Int) {
        addFault(reason, of: ticket)
        finishOne()
    }

    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {
        switch failure {
        case .internal(let reason): outcome = .failing(reason, others: ledger.answeredBatches)
        case .timeout, .unavailable: outcome = .unanswered
        case .busy, .refused, .unsupported: outcome = .notNow
        }
        finishOne()
    }

    private func addFault(_ fault: String, of ticket: Int) {
        faults.append(ticket)
        if faults.count == 1 { firstFault = "operation \(ticket + 1): \(fault)" }
    }

    private func finishOne() {
        missing -= 1
        guard missing == 0 else { return }
        guard outcome == .applied, !firstFault.isEmpty else { return promise.succeed(outcome) }
        guard !faults.isEmpty else { return promise.succeed(.impossible(firstFault)) }
        let more = faults.count > 1 ? ", and \(faults.count - 1) more like it" : ""
        let others = faults.count < operations ? "; the others were applied" : ""
        promise.succeed(.impossible(firstFault + more + others, operations: faults))
    }
}

extension Ledger {
    /// Sends a record of the journal.
    ///
    /// - Parameter plan: Returns the current plan of a scope.
    package func replay(
        _ record: Journal.Record, plan: (Scope, UserTraits) -> ScopePlan
    ) -> EventLoopFuture<JournalReplay.Outcome> {
        guard isReady else { return eventLoop.makeSucceededFuture(.notNow) }
        let promise = eventLoop.makePromise(of: JournalReplay.Outcome.self)
        let delegate = ReplayedRecord(operations: record.operations, ledger: self, promise: promise)
        if !replay(record, plan: plan, for: delegate) { promise.succeed(.impossible("this version cannot read it")) }
        return promise.futureResult
    }
}

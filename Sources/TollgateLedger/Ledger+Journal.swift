import NIOCore
import TollgateCore

/// Facts that could not reach Redis, on their way into the journal and back.
extension Ledger {
    /// Puts the facts of a batch into the journal, and only then acknowledges them. `identity`: as what it was sent, where
    /// nobody knows whether it was applied.
    func keepFacts(of batch: Batch, as identity: BatchIdentity?, failure: LedgerFailure) {
        guard let journal else { return }
        let operations = batch.encoder.batchedOperations()
        let facts = operations.indices.filter { !operations[$0].verb.isDecision }
        let kept = facts.map { KeptOperation(operations[$0], batch.terms[$0]) }
        guard let payload = KeptOperation.text(of: kept) else { return answer(facts, of: batch, failed: failure) }
        if let identity { producers.setAside(identity) }
        let here = NIOLoopBound((self, batch), eventLoop: eventLoop)
        journal.append(payload, operations: facts.count, identity: identity) {
            result in
            here.eventLoop.execute {
                let (ledger, batch) = here.value
                ledger.journalAnswered(result, facts, of: batch, as: identity, failure)
            }
        }
    }

    private func journalAnswered(
        _ result: Result<Void, JournalError>, _ facts: [Int], of batch: Batch, as identity: BatchIdentity?,
        _ failure: LedgerFailure
    ) {
        switch result {
        case .success:
            for place in facts {
                let entry = batch.entries[place]
                entry.owner.ledgerAnswered(ticket: entry.ticket, with: Answer(outcome: .queued))
            }
            onAnswersDelivered()
            onKept()
        case .failure(let error):
            if let identity { producers.release(identity) }
            answer(facts, of: batch, failed: identity == nil ? failure.and(error) : failure)
        }
    }

    private func answer(_ facts: [Int], of batch: Batch, failed failure: LedgerFailure) {
        for place in facts {
            let entry = batch.entries[place]
            entry.owner.ledgerFailed(ticket: entry.ticket, of: batch.failedOperation(place), with: failure)
        }
        onAnswersDelivered()
    }

    /// A batch from the journal was applied, or set aside for good.
    package func replayed(_ identity: BatchIdentity) {
        producers.release(identity)
    }

    /// Sends a record of the journal as what it was sent before, if it was. `plan` finds the scopes of now. The owner is told
    /// of each of its operations, with their places as tickets. Returns whether the record could be read.
    func replay(
        _ record: Journal.Record, plan: (Scope) -> ScopePlan, for owner: any OperationOwner
    ) -> Bool {
        guard let kept = KeptOperation.read(record.payload), kept.count == record.operations else { return false }
        let batch = batchToKeep()
        batch.isReplay = true
        batch.identity = record.identity
        for (place, kept) in kept.enumerated() {
            guard let operation = kept.operation else { return false }
            let plans = kept.scopes.compactMap { try? Scope(parsing: $0) }.map(plan).filter { !$0.isInert }
            batch.append(
                operation.verb, operation.amounts, on: plans, terms: operation.terms, for: owner, ticket: place)
        }
        full.append(batch)
        scheduleDeadlineCheck(at: batch.deadline)
        scheduleFlush()
        return true
    }
}

extension LedgerFailure {
    /// Not applied, and not kept either.
    fileprivate func and(_ error: JournalError) -> LedgerFailure {
        switch self {
        case .unavailable(let why), .refused(let why), .internal(let why): .unavailable("\(why); \(error)")
        case .timeout: .unavailable("no answer within the deadline; \(error)")
        case .busy: .busy
        }
    }
}

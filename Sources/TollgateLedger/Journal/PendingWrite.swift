import TollgateCore

/// A fact on its way into the journal, and who waits to hear that it is there. Owned by the ledger's event loop.
struct PendingWrite {
    var operation: JournalEntry
    var owner: any OperationDelegate
    var ticket: Int
    /// What its owner has to know if it cannot be kept.
    var failed: FailedOperation

    /// What takes back must not be replayed before it.
    var isBarrier: Bool { failed.verb == .record || failed.verb == .commit }
}

extension Batch {
    /// The facts among its operations, in their order.
    var facts: [PendingWrite] {
        encoder.batchedOperations().enumerated().compactMap { place, operation in
            guard !operation.verb.isDecision else { return nil }
            return PendingWrite(
                operation: JournalEntry(operation, terms[place], traits[place] ?? []), owner: entries[place].owner,
                ticket: entries[place].ticket, failed: failedOperation(place))
        }
    }
}

import TollgateCore

/// A write on its way into the journal, with the delegate that waits for it. Owned by the ledger's event loop.
struct PendingWrite {
    var entry: JournalEntry
    var delegate: any OperationDelegate
    var ticket: Int
    /// The operation as its delegate is notified if the journal fails too.
    var failed: FailedOperation

    /// Whether the write adds usage. No REFUND or CANCEL may be replayed before it.
    var isBarrier: Bool { failed.verb == .record || failed.verb == .commit }
}

extension Batch {
    /// The writes among the operations, in their order.
    var writes: [PendingWrite] {
        encoder.batchedOperations().enumerated().compactMap { index, operation in
            guard !operation.verb.isDecision else { return nil }
            return PendingWrite(
                entry: JournalEntry(operation, terms[index], traits[index] ?? []), delegate: entries[index].delegate,
                ticket: entries[index].ticket, failed: failedOperation(index))
        }
    }
}

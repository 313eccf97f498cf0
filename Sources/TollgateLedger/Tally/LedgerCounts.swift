/// The operations and batches that a ledger has sent since its start.
package struct LedgerCounts: Sendable {
    package var operations = 0
    package var batches = 0
    /// Reservations that were abandoned, and whose CANCEL could not be put into the journal.
    package var holdsNotCancelled = 0
}

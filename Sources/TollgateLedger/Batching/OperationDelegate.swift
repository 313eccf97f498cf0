/// The receiver of an operation's result. Called on the ledger's event loop, once for each operation, in the order in which the
/// operations were submitted, except for failures.
package protocol OperationDelegate: AnyObject {
    /// - Parameter ticket: The number that the delegate gave the operation.
    func ledgerAnswered(ticket: Int, with answer: borrowing Answer)
    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure)
}

/// An operation that Redis did not answer, as far as its delegate has to know it.
package struct FailedOperation {
    package var verb: OperationVerb
    package var terms: OperationTerms?
    /// Whether one of its limits is closed while Redis cannot be asked.
    package var failsClosed: Bool
}

/// Who gave an operation to the ledger and waits for what becomes of it. Called on the ledger's event loop, once an operation,
/// in the order in which its owner gave them but for failures.
package protocol OperationDelegate: AnyObject {
    /// `ticket` is the owner's own number for the operation.
    func ledgerAnswered(ticket: Int, with answer: borrowing Answer)
    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure)
}

/// What an owner has to know of an operation that Redis did not answer.
package struct FailedOperation {
    package var verb: OperationVerb
    package var terms: OperationTerms?
    /// Whether a limit on its way is closed while Redis cannot be asked.
    package var failsClosed: Bool
}

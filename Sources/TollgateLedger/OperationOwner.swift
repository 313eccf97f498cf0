/// Who gave an operation to the ledger and waits for what becomes of it. Called on the ledger's event loop, once an operation,
/// in the order in which its owner gave them but for failures.
package protocol OperationOwner: AnyObject {
    /// `ticket` is the owner's own number for the operation.
    func ledgerAnswered(ticket: Int, with answer: borrowing Answer)
    func ledgerFailed(ticket: Int, verb: OperationVerb, failsClosed: Bool, with failure: LedgerFailure)
}

/// Stands where a session would wait for the answer to an operation.
final class IgnoringDelegate: OperationDelegate {
    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {}
    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {}
}

import TollgateCore
import TollgateLedger

/// Has a scope's alerts looked at although no request is about it, as when its limits have changed. Consumes nothing. Nobody waits
/// for it: where the scope cannot be looked at now, the next request about it does the same. Lives on its worker's event loop until
/// Redis has answered.
final class AlertReview: OperationOwner {
    static func start(of scope: Scope, on worker: Worker) {
        guard worker.ledger.isReady, !worker.isShuttingDown else { return }
        guard let plan = worker.resolver.currentPlan(of: scope, .none) else {
            let scopes = worker.resolver.mustWaitForBatch ? [] : [scope]
            return worker.wait(for: scopes) { if $0 == nil { start(of: scope, on: worker) } }
        }
        guard !plan.isInert else { return }
        submit(plan, to: worker.ledger)
    }

    /// Where the user's limits depend on what requests say, nothing is opened by those of a request that says nothing: a plan of
    /// its own, in a batch of its own.
    private static func submit(_ plan: ScopePlan, to ledger: Ledger) {
        let review = plan.forReview
        if review !== plan { ledger.endBatch() }
        ledger.submit(.peek, Amounts(requests: 1), on: [review], for: AlertReview(), ticket: 0)
        if review !== plan { ledger.endBatch() }
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {}

    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {}
}

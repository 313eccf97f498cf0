import TollgateCore
import TollgateLedger

/// Has a scope's alerts looked at although no request is about it, as when its limits have changed. Consumes nothing. Lives on its
/// worker's event loop until Redis has answered.
final class AlertReview: OperationOwner {
    /// Tells once, maybe later, what became of it: not whether Redis has answered.
    static func start(of scope: Scope, on worker: Worker, completion: @escaping (AlertReviewOutcome) -> Void) {
        guard worker.ledger.isReady, !worker.isShuttingDown else { return completion(.notNow) }
        guard let plan = worker.resolver.currentPlan(of: scope, .none) else {
            let scopes = worker.resolver.mustWaitForBatch ? [] : [scope]
            return worker.wait(for: scopes) { failure in
                guard failure == nil else { return completion(.notNow) }
                start(of: scope, on: worker, completion: completion)
            }
        }
        // What no request that names nothing has a limit for, others may.
        guard !plan.isInert else { return completion(plan.forReview === plan ? .inert : .submitted) }
        submit(plan, to: worker.ledger)
        completion(.submitted)
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

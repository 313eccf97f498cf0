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
        // Limits that hold for this user in another role would be taken for changed ones.
        let rules = worker.resolver.cache.rules(for: scope, .none)
        let mayDepend = worker.resolver.cache.policy.tierMayDependOnTraits(of: scope, chosen: rules.choice)
        guard !mayDepend else { return completion(.submitted) }
        guard !plan.isInert else { return completion(.inert) }
        worker.ledger.submit(.peek, Amounts(requests: 1), on: [plan], for: AlertReview(), ticket: 0)
        completion(.submitted)
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {}

    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {}
}

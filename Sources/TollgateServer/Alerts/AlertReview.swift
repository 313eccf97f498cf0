import TollgateCore
import TollgateLedger
import TollgatePolicy

/// Has a scope's alerts looked at although no request is about it, as when its limits have changed. Consumes nothing. Lives on its
/// worker's event loop until Redis has answered.
final class AlertReview: OperationDelegate {
    private let ledger: Ledger
    /// The last one first.
    private var plans: [ScopePlan]
    private let completion: (AlertReviewOutcome) -> Void

    /// Tells once, maybe later, what became of it.
    static func start(of scope: Scope, on worker: Worker, completion: @escaping (AlertReviewOutcome) -> Void) {
        guard worker.ledger.isReady, !worker.isShuttingDown else { return completion(.notNow) }
        guard let plan = worker.resolver.currentPlan(of: scope, .none) else {
            let scopes = worker.resolver.mustWaitForBatch ? [] : [scope]
            return worker.wait(for: scopes) { failure in
                guard failure == nil else { return completion(.notNow) }
                start(of: scope, on: worker, completion: completion)
            }
        }
        let plans = worker.resolver.cache.reviewPlans(of: plan)
        guard !plans.isEmpty else { return completion(.noLimits) }
        AlertReview(plans, worker.ledger, completion).submitNext(insteadOf: plan)
    }

    private init(_ plans: [ScopePlan], _ ledger: Ledger, _ completion: @escaping (AlertReviewOutcome) -> Void) {
        self.plans = plans.reversed()
        self.ledger = ledger
        self.completion = completion
    }

    /// A plan that is not the scope's own goes in a batch of its own, where no other of that scope can be.
    private func submitNext(insteadOf own: ScopePlan?) {
        guard let plan = plans.popLast() else { return completion(.reviewed) }
        if plan !== own { ledger.closeBatch() }
        ledger.submit(.peek, Amounts(requests: 1), on: [plan], for: self, ticket: 0)
        if plan !== own { ledger.closeBatch() }
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) { submitNext(insteadOf: nil) }

    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) { completion(.notNow) }
}

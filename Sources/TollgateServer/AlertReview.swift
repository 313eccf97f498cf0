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
        // Limits that hold for this user in another role would be taken for changed ones.
        let rules = worker.resolver.cache.rules(for: scope, .none)
        guard !worker.resolver.cache.policy.tierMayDependOnTraits(of: scope, chosen: rules.choice) else { return }
        worker.ledger.submit(.peek, Amounts(requests: 1), on: [plan], for: AlertReview(), ticket: 0)
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {}

    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {}
}

import NIOCore
import TollgateCore
import TollgateLedger

/// Has a scope's alerts looked at although no request is about it, as when its limits have changed. Consumes nothing. Lives on its
/// worker's event loop until Redis has answered.
final class AlertReview: OperationOwner {
    private let promise: EventLoopPromise<Void>

    private init(promise: EventLoopPromise<Void>) {
        self.promise = promise
    }

    /// The promise succeeds also where the scope cannot be looked at: the next request about it does the same.
    static func start(of scope: Scope, on worker: Worker, _ promise: EventLoopPromise<Void>) {
        guard worker.ledger.isReady else { return promise.succeed() }
        guard let plan = worker.resolver.currentPlan(of: scope, .none) else {
            let scopes = worker.resolver.mustWaitForBatch ? [] : [scope]
            return worker.wait(for: scopes) { failure in
                if failure == nil { start(of: scope, on: worker, promise) } else { promise.succeed() }
            }
        }
        guard !plan.isInert else { return promise.succeed() }
        // Limits that hold for this user in another role would be taken for changed ones.
        let rules = worker.resolver.cache.rules(for: scope, .none)
        guard !worker.resolver.cache.policy.tierMayDependOnTraits(of: scope, chosen: rules.choice) else {
            return promise.succeed()
        }
        worker.ledger.submit(
            .peek, Amounts(requests: 1), on: [plan], for: AlertReview(promise: promise), ticket: 0)
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {
        promise.succeed()
    }

    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {
        promise.succeed()
    }
}

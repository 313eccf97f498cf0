import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy

/// Lets the batch script check a scope's alerts without a request, for example after its limits have changed. Consumes
/// nothing. Lives on its worker's event loop until Redis has answered.
final class AlertReview: OperationDelegate {
    enum Outcome: Sendable {
        /// The script has checked the scope. It resolves alerts as after a request.
        case reviewed
        /// Redis cannot be asked, or the settings of the scope are not known.
        case notNow
        /// No limit of the scope counts anything, so the script does not check it.
        case noLimits
    }

    private let ledger: Ledger
    /// The plans still to be checked, in reverse order.
    private var plans: [ScopePlan]
    private let completion: (Outcome) -> Void

    /// Starts a review. Calls back once, perhaps immediately.
    static func start(of scope: Scope, on worker: Worker, completion: @escaping (Outcome) -> Void) {
        worker.withPlan(of: scope) { plan in
            guard let plan else { return completion(.notNow) }
            let plans = worker.resolver.cache.reviewPlans(of: plan)
            guard !plans.isEmpty else { return completion(.noLimits) }
            AlertReview(plans, worker.ledger, completion).submitNext(insteadOf: plan)
        }
    }

    private init(_ plans: [ScopePlan], _ ledger: Ledger, _ completion: @escaping (Outcome) -> Void) {
        self.plans = plans.reversed()
        self.ledger = ledger
        self.completion = completion
    }

    /// Submits the next plan. A plan other than the scope's own goes in a batch of its own: a batch has one plan a
    /// scope.
    private func submitNext(insteadOf own: ScopePlan?) {
        guard let plan = plans.popLast() else { return completion(.reviewed) }
        if plan !== own { ledger.closeBatch() }
        ledger.submit(.peek, Amounts(requests: 1), on: [plan], for: self, ticket: 0)
        if plan !== own { ledger.closeBatch() }
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) { submitNext(insteadOf: nil) }

    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) { completion(.notNow) }
}

extension NIOLoopBound<Worker> {
    /// Reviews the alerts of a scope. Usable from any task.
    func reviewAlerts(of scope: Scope) async -> AlertReview.Outcome {
        await withCheckedContinuation { continuation in
            eventLoop.execute {
                AlertReview.start(of: scope, on: self.value) { continuation.resume(returning: $0) }
            }
        }
    }

    /// Reviews the alerts of a scope after a change of its limits or counters. Returns immediately. If the review
    /// fails, the sweeper repeats it.
    func reviewAlerts(of scope: Scope, orLeaveTo sweeper: AlertSweeper) {
        eventLoop.execute {
            AlertReview.start(of: scope, on: self.value) { outcome in
                if outcome != .reviewed { sweeper.reviewLater(scope) }
            }
        }
    }
}

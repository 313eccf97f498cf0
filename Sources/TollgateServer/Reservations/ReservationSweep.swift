import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy

/// Lets the batch function charge the expired reservations of a scope without a request. Lives on its worker's event
/// loop until Redis has answered.
final class ReservationSweep: OperationDelegate {
    enum Outcome: Sendable, Equatable {
        /// What had expired has been charged, up to the maximum of a call. The function has set the time of the next
        /// sweep.
        case swept
        /// Redis cannot be asked, or the settings of the scope are not known.
        case notNow
        /// A key of the scope prevents it, or the function has failed.
        case failed(String)
    }

    private let ledger: Ledger
    /// The plans still to be swept with, in reverse order.
    private var plans: [ScopePlan]
    private let completion: (Outcome) -> Void

    /// Starts a sweep. Calls back once, perhaps immediately.
    static func start(of scope: Scope, on worker: Worker, completion: @escaping (Outcome) -> Void) {
        worker.withPlan(of: scope) { plan in
            guard let plan else { return completion(.notNow) }
            let plans = worker.resolver.cache.sweepPlans(of: plan)
            ReservationSweep(plans, worker.ledger, completion).submitNext(insteadOf: plan)
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
        guard let plan = plans.popLast() else { return completion(.swept) }
        if plan !== own { ledger.closeBatch() }
        ledger.submit(.sweep, Amounts(), on: [plan], for: self, ticket: 0)
        if plan !== own { ledger.closeBatch() }
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {
        switch answer.outcome {
        case .broken: completion(.failed("its key in Redis is not a hash"))
        case .brokenHolds: completion(.failed("a key of its reservations in Redis cannot be written"))
        default: submitNext(insteadOf: nil)
        }
    }

    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {
        if case .internal(let reason) = failure { completion(.failed(reason)) } else { completion(.notNow) }
    }
}

extension NIOLoopBound<Worker> {
    /// Charges the expired reservations of a scope. Usable from any task.
    func sweepReservations(of scope: Scope) async -> ReservationSweep.Outcome {
        await withCheckedContinuation { continuation in
            eventLoop.execute {
                ReservationSweep.start(of: scope, on: self.value) { continuation.resume(returning: $0) }
            }
        }
    }
}

import NIOCore
package import TollgateCore
import TollgateLedger
import TollgatePolicy

/// What a running sidecar does about alerts off the way of requests.
extension TollgateServer {
    /// To be called when workers and stores are there.
    func startAlerts() {
        guard let store = stores?.alerts else { return }
        let publisher = OutboxRelay(store: store, logger: logger)
        let sidecar = AlertSweeper.Sidecar(
            policy: { [weak self] in self?.policies.effective ?? .empty },
            review: { [weak self] in await self?.review($0) ?? .notNow })
        let sweeper = AlertSweeper(
            store: store, sidecar: sidecar, interval: settings.alertSweep, logger: logger)
        use(publisher, sweeper)
        publisher.start()
        sweeper.start()
    }

    /// Resolves, and opens, what has to be after a change of a scope's limits or counters, without waiting for a request about it.
    /// Returns at once.
    package func reviewAlerts(of scope: Scope) {
        guard let worker = workers.first else { return }
        worker.eventLoop.execute { [sweeper] in
            AlertReview.start(of: scope, on: worker.value) { outcome in
                if outcome != .reviewed { sweeper?.look(at: scope) }
            }
        }
    }

    /// The same, and what became of it.
    private func review(_ scope: Scope) async -> AlertReviewOutcome {
        guard let worker = workers.first else { return .notNow }
        return await withCheckedContinuation { continuation in
            worker.eventLoop.execute {
                AlertReview.start(of: scope, on: worker.value) { continuation.resume(returning: $0) }
            }
        }
    }
}

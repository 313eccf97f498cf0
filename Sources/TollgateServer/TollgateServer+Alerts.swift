import NIOCore
package import TollgateCore
import TollgateLedger

/// What a running sidecar does about alerts off the way of requests.
extension TollgateServer {
    /// To be called when workers and stores are there.
    func startAlerts() {
        guard let store = stores?.alerts else { return }
        let publisher = AlertPublisher(store: store, logger: logger)
        let sidecar = AlertSweeper.Sidecar(
            now: { [weak self] in await self?.redisTime ?? 0 },
            policy: { [weak self] in self?.policies.effective ?? .empty },
            used: { [weak self] scope, meter, period in
                let items = try await self?.usage(of: scope).usage.items ?? []
                return items.first { $0.limit.limit.meter == meter && $0.limit.limit.period == period }?.used
            },
            review: { [weak self] in self?.reviewAlerts(of: $0) })
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
        worker.eventLoop.execute { AlertReview.start(of: scope, on: worker.value) }
    }
}

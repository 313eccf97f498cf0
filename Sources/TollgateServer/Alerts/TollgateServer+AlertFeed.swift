import NIOCore
import NIOPosix
import TollgateLedger

extension TollgateServer {
    /// Has every worker told of what happens to alerts. To be called once there are workers and stores.
    func startAlertFeed() async throws {
        let workers = workers
        guard let store = stores?.alerts else { return }
        let eventLoop = background.next()
        let feed = try await eventLoop.submit { [weak self, settings, logger] in
            let feed = AlertFeed(eventLoop: eventLoop, settings: settings, store: store, logger: logger) {
                [weak self] page in
                for worker in self?.workers ?? [] { worker.eventLoop.execute { worker.value.deliver(page) } }
            }
            feed.start()
            return feed
        }.get()
        alertFeed = feed
        for worker in workers { try await worker.eventLoop.submit { worker.value.alertFeed = feed }.get() }
    }
}

import AsyncHTTPClient
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import TollgateCore
import TollgateLedger
package import TollgateRedis
package import TollgateStores

/// Delivers alerts to handlers until graceful shutdown or cancellation, on threads of its own and over the stores' connection to
/// Redis: never on the way of a request. Usable from any task.
package struct AlertDelivery: Service {
    /// What it needs to know of the sidecar.
    package struct Sidecar: Sendable {
        package var redis: RedisAddress
        package var namespace: String
        package var version: String
        /// Nil before the sidecar has started.
        package var store: @Sendable () -> AlertStore?
        /// Of the policy in force.
        package var currency: @Sendable () -> String

        package init(
            redis: RedisAddress, namespace: String, version: String, store: @escaping @Sendable () -> AlertStore?,
            currency: @escaping @Sendable () -> String
        ) {
            self.redis = redis
            self.namespace = namespace
            self.version = version
            self.store = store
            self.currency = currency
        }
    }

    private let handlers: [AlertHandler]
    private let sidecar: Sidecar
    private let timing: Timing
    private let logger: Logger

    /// - Parameter handlers: each name once.
    package init(handlers: [AlertHandler], sidecar: Sidecar, timing: Timing = Timing(), logger: Logger) {
        self.handlers = handlers
        self.sidecar = sidecar
        self.timing = timing
        self.logger = logger
    }

    package func run() async throws {
        let startedAt = ContinuousClock.now
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let http = HTTPClient(
            eventLoopGroupProvider: .shared(group), configuration: WebSender.configuration(timing))
        await cancelWhenGracefulShutdown {
            guard let store = await waitForStore() else { return }
            await deliver(store, http, on: group.next(), startedAt)
        }
        try? await http.shutdown()
        try? await group.shutdownGracefully()
    }

    private func waitForStore() async -> AlertStore? {
        while !Task.isCancelled {
            if let store = sidecar.store() { return store }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return nil
    }

    private func deliver(
        _ store: AlertStore, _ http: HTTPClient, on eventLoop: any EventLoop, _ startedAt: ContinuousClock.Instant
    ) async {
        // Of this process, and no other.
        let id = String(UInt64.random(in: 1 ... .max), radix: 36)
        let redis = RedisReporter(logger: logger)
        let wakeUps = handlers.map { _ in WakeUp() }
        let news = try? await DeliveryNews.start(
            address: sidecar.redis, channel: store.keys.news, on: eventLoop, wake: wakeUps, logger: logger)
        await withDiscardingTaskGroup { group in
            for (handler, wakeUp) in zip(handlers, wakeUps) {
                let queue = DeliveryQueue(store, handler: handler.name)
                let runner = HandlerRunner(
                    handler: handler, sink: sink(of: handler, queue, http), queue: queue,
                    lease: HandlerLease(queue: queue, sidecar: id, timing: timing), wakeUp: wakeUp, timing: timing,
                    startedAt: startedAt,
                    reporter: DeliveryReporter(handler: handler.name, redis: redis, logger: logger))
                group.addTask {
                    var runner = runner
                    await runner.run()
                }
            }
            // Also where there is no handler, this service lasts as long as the sidecar.
            group.addTask { while (try? await Task.sleep(for: .seconds(3_600))) != nil {} }
        }
        await news?.stop()
    }

    private func sink(of handler: AlertHandler, _ queue: DeliveryQueue, _ http: HTTPClient) -> any AlertSink {
        let sender = WebSender(http: http, timing: timing, version: sidecar.version)
        let currency = sidecar.currency
        switch handler.target {
        case .log: return LogSink(logger: logger, currency: currency)
        case .webhook(let address, let secret):
            return WebhookSink(address: address, secret: secret, sender: sender)
        case .slack(let address): return SlackSink(address: address, sender: sender, currency: currency)
        case .alertmanager(let address):
            return AlertmanagerSink(
                address: address, sender: sender, namespace: sidecar.namespace, currency: currency)
        case .pubsub(let channel): return PubSubSink(channel: channel, queue: queue)
        }
    }
}

import AsyncHTTPClient
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import TollgateCore
import TollgateLedger
package import TollgateRedis
package import TollgateStores

/// Delivers alerts to receivers until graceful shutdown or cancellation, on threads of its own and over the stores' connection to
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

    private let receivers: [AlertReceiver]
    private let sidecar: Sidecar
    private let timing: Timing
    private let logger: Logger

    /// - Parameter receivers: each name once.
    package init(receivers: [AlertReceiver], sidecar: Sidecar, timing: Timing = Timing(), logger: Logger) {
        self.receivers = receivers
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
        let wakeUps = receivers.map { _ in WakeUp() }
        let news = try? await DeliveryNews.start(
            address: sidecar.redis, channel: store.keys.news, on: eventLoop, wake: wakeUps, logger: logger)
        await withDiscardingTaskGroup { group in
            for (receiver, wakeUp) in zip(receivers, wakeUps) {
                let queue = DeliveryQueue(store, receiver: receiver.name)
                let runner = ReceiverRunner(
                    receiver: receiver, sink: sink(of: receiver, queue, http), queue: queue,
                    lease: ReceiverLease(queue: queue, sidecar: id, timing: timing), wakeUp: wakeUp, timing: timing,
                    startedAt: startedAt,
                    reporter: DeliveryReporter(receiver: receiver.name, redis: redis, logger: logger))
                group.addTask {
                    var runner = runner
                    await runner.run()
                }
            }
            // Also where there is no receiver, this service lasts as long as the sidecar.
            group.addTask { while (try? await Task.sleep(for: .seconds(3_600))) != nil {} }
        }
        await news?.stop()
    }

    private func sink(of receiver: AlertReceiver, _ queue: DeliveryQueue, _ http: HTTPClient) -> any AlertSender {
        let sender = WebSender(http: http, timing: timing, version: sidecar.version)
        let currency = sidecar.currency
        switch receiver.target {
        case .log: return LogSender(logger: logger, currency: currency)
        case .webhook(let address, let secret):
            return WebhookSender(address: address, secret: secret, sender: sender)
        case .slack(let address): return SlackSender(address: address, sender: sender, currency: currency)
        case .alertmanager(let address):
            return AlertmanagerSender(
                address: address, sender: sender, namespace: sidecar.namespace, currency: currency)
        case .pubsub(let channel): return PubSubSender(channel: channel, queue: queue)
        }
    }
}

import AsyncHTTPClient
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import TollgateCore
import TollgateLedger
package import TollgateRedis
package import TollgateStores

/// The service that delivers alerts to receivers until graceful shutdown or cancellation.
///
/// It runs on a thread of its own and uses the stores' connection to Redis, off the decision path.
package struct AlertDelivery: Service {
    /// The properties of the sidecar that delivery depends on.
    package struct Sidecar: Sendable {
        package var redis: RedisAddress
        package var namespace: String
        package var version: String
        /// Waits for the sidecar to start, and returns its store. Throws if the sidecar stops before.
        package var store: @Sendable () async throws -> AlertStore
        /// The currency of the active policy.
        package var currency: @Sendable () -> String

        package init(
            redis: RedisAddress, namespace: String, version: String,
            store: @escaping @Sendable () async throws -> AlertStore, currency: @escaping @Sendable () -> String
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

    /// Creates a service that does nothing before `run()`. The names of the receivers must be unique.
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
            eventLoopGroupProvider: .shared(group), configuration: HTTPSender.configuration(timing))
        await cancelWhenGracefulShutdown {
            // Without a store the sidecar is stopping, and its own service reports why.
            guard let store = try? await sidecar.store() else { return }
            await deliver(store, http, on: group.next(), startedAt)
        }
        try? await http.shutdown()
        try? await group.shutdownGracefully()
    }

    private func deliver(
        _ store: AlertStore, _ http: HTTPClient, on eventLoop: any EventLoop, _ startedAt: ContinuousClock.Instant
    ) async {
        // Identifies this process as the holder of leases.
        let id = String(UInt64.random(in: 1 ... .max), radix: 36)
        let redis = RedisReporter(logger: logger)
        let wakeUps = receivers.map { _ in WakeUp() }
        let subscription = try? await DeliverySubscription.start(
            address: sidecar.redis, channel: store.keys.news, on: eventLoop, wake: wakeUps, logger: logger)
        await withDiscardingTaskGroup { group in
            for (receiver, wakeUp) in zip(receivers, wakeUps) {
                let queue = DeliveryQueue(store, receiver: receiver.name)
                let runner = ReceiverRunner(
                    receiver: receiver, sender: sender(for: receiver, queue, http), queue: queue,
                    lease: ReceiverLease(queue: queue, sidecar: id, timing: timing), wakeUp: wakeUp, timing: timing,
                    startedAt: startedAt,
                    reporter: DeliveryReporter(receiver: receiver.name, redis: redis, logger: logger))
                group.addTask {
                    var runner = runner
                    await runner.run()
                }
            }
            // Keeps the service running without receivers: the end of a service would stop the sidecar.
            group.addTask { while (try? await Task.sleep(for: .seconds(3_600))) != nil {} }
        }
        await subscription?.stop()
    }

    private func sender(for receiver: AlertReceiver, _ queue: DeliveryQueue, _ http: HTTPClient) -> any AlertSender {
        let http = HTTPSender(http: http, timing: timing, version: sidecar.version)
        let currency = sidecar.currency
        switch receiver.endpoint {
        case .log: return LogSender(logger: logger, currency: currency)
        case .webhook(let address, let secret): return WebhookSender(address: address, secret: secret, http: http)
        case .slack(let address): return SlackSender(address: address, http: http, currency: currency)
        case .alertmanager(let address):
            return AlertmanagerSender(address: address, http: http, namespace: sidecar.namespace, currency: currency)
        case .pubsub(let channel): return PubSubSender(channel: channel, queue: queue)
        }
    }
}

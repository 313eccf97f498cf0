import AsyncHTTPClient
import Foundation
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

    private let receivers: AlertReceivers
    private let sidecar: Sidecar
    private let timing: Timing
    private let logger: Logger

    /// Creates a service that does nothing before `run()`. Follows changes of the receivers, whose names must be unique.
    package init(receivers: AlertReceivers, sidecar: Sidecar, timing: Timing = Timing(), logger: Logger) {
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
        let sleepers = Sleepers()
        let subscription = try? await DeliverySubscription.start(
            address: sidecar.redis, channel: store.keys.news, on: eventLoop, wake: sleepers.wakeAll, logger: logger)
        var (tasks, since) = (ReceiverTasks(sleepers: sleepers), startedAt)
        // Ends when the task is cancelled.
        for await active in receivers.updates() {
            let removed = await tasks.update(to: active) { receiver, wakeUp in
                let queue = DeliveryQueue(store, receiver: receiver.name)
                return ReceiverRunner(
                    receiver: receiver, sender: sender(for: receiver, queue, http), queue: queue,
                    lease: ReceiverLease(queue: queue, wakeUp: wakeUp, sidecar: id, timing: timing), wakeUp: wakeUp,
                    timing: timing, startedAt: since,
                    reporter: DeliveryReporter(
                        receiver: receiver.name, redis: redis, counts: receivers.counts, logger: logger))
            }
            for name in removed {
                redis.answers(name)
                await reportUndelivered(of: name, store)
            }
            since = .now
        }
        await tasks.stop()
        await subscription?.stop()
    }

    /// Logs how many events a removed receiver has not got. Its consumer group remains.
    private func reportUndelivered(of receiver: String, _ store: AlertStore) async {
        guard let report = try? await DeliveryQueue(store, receiver: receiver).report(atMost: 1) else { return }
        let unread = report.unread.map { "\($0)" } ?? "unknown"
        guard report.pending > 0 || unread != "0" else { return }
        logger.warning(
            "a removed receiver has undelivered events; they are delivered if it is added again within 24 hours",
            metadata: ["receiver": "\(receiver)", "pending": "\(report.pending)", "unread": "\(unread)"])
    }

    /// Sends a test message to a receiver, over a connection of its own, and returns the outcome. Changes neither alerts
    /// nor the receiver's deliveries.
    package func test(_ receiver: AlertReceiver) async -> ReceiverTest {
        guard let store = try? await sidecar.store(),
            let event = try? TestEvent.make(at: Int64(Date.now.timeIntervalSince1970 * 1_000))
        else { return ReceiverTest(failure: "the sidecar is shutting down", status: nil, duration: .zero) }
        let http = HTTPClient(
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
            configuration: HTTPSender.configuration(timing))
        let sender = sender(for: receiver, DeliveryQueue(store, receiver: receiver.name), http)
        let startedAt = ContinuousClock.now
        let outcome = await sender.deliver(event, isTest: true)
        let duration = ContinuousClock.now - startedAt
        try? await http.shutdown()
        switch outcome {
        case .delivered(let status): return ReceiverTest(failure: nil, status: status, duration: duration)
        case .failed(let failure):
            return ReceiverTest(failure: failure.sentence, status: failure.status, duration: duration)
        }
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

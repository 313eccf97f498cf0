import Foundation
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import TollgateCore
import TollgateRedis
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateLedger
@testable import TollgateStores

/// A store of alerts on a real Redis, and the delivery of any number of sidecars.
final class DeliveryHarness: Sendable {
    let redis: TestRedis
    let store: AlertStore
    let log = CapturedLog()

    private init(redis: TestRedis, store: AlertStore) {
        self.redis = redis
        self.store = store
    }

    static func with(_ body: (DeliveryHarness) async throws -> Void) async throws {
        let redis = try TestRedis()
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let link = try await eventLoop.submit {
            let link = RedisLink(
                address: redis.address, eventLoop: eventLoop,
                logger: CapturedLog().logger)
            link.start()
            return NIOLoopBound(link, eventLoop: eventLoop)
        }.get()
        try await eventually { try await eventLoop.submit { link.value.isReady }.get() }
        let store = AlertStore(
            link: StoreLink(link, deadline: .seconds(20)), keySpace: KeySpace(namespace: "tollgate"),
            logger: CapturedLog().logger)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(DeliveryHarness(redis: redis, store: store)))
        } catch {
            result = .failure(error)
        }
        try await eventLoop.flatSubmit { link.value.shutdown() }.get()
        try result.get()
    }

    /// Short delays, and no delivery is dead-lettered.
    static var timing: Timing {
        var timing = Timing()
        timing.reachBack = .zero
        timing.poll = .milliseconds(20)
        timing.lease = .seconds(5)
        timing.renewal = .milliseconds(100)
        timing.attempt = .seconds(5)
        timing.firstRetry = .milliseconds(40)
        timing.maxRetryDelay = .milliseconds(200)
        return timing
    }

    /// Creates the delivery service of a sidecar.
    func delivery(_ receivers: AlertReceivers, _ timing: Timing = DeliveryHarness.timing) -> AlertDelivery {
        AlertDelivery(
            receivers: receivers,
            sidecar: .init(
                redis: redis.address, namespace: "tollgate", version: "0.0.1", store: { [store] in store },
                currency: { "USD" }),
            timing: timing, logger: log.logger)
    }

    /// Runs the body while a sidecar delivers. The consumer groups exist when the body starts.
    func delivering<Value>(
        _ receivers: [AlertReceiver], _ timing: Timing = DeliveryHarness.timing, _ body: () async throws -> Value
    ) async throws -> Value {
        let running = try await start(receivers, timing)
        do {
            let result = try await body()
            await running.stop()
            return result
        } catch {
            await running.stop()
            throw error
        }
    }

    /// Starts a delivery service that the test must stop.
    func start(_ receivers: [AlertReceiver], _ timing: Timing = DeliveryHarness.timing) async throws -> Running {
        try await start(AlertReceivers(receivers), timing)
    }

    /// Starts a delivery service whose receivers the test can replace, and that it must stop.
    func start(_ receivers: AlertReceivers, _ timing: Timing = DeliveryHarness.timing) async throws -> Running {
        let delivery = delivery(receivers, timing)
        let group = ServiceGroup(services: [delivery], logger: CapturedLog().logger)
        let running = Running(group: group, task: Task { try await group.run() })
        try await eventually { try receivers.active.allSatisfy { try self.hasGroup($0.name) } }
        return running
    }

    struct Running: Sendable {
        let group: ServiceGroup
        let task: Task<Void, any Error>

        func stop() async {
            await group.triggerGracefulShutdown()
            _ = try? await task.value
        }
    }

    func hasGroup(_ name: String) throws -> Bool {
        try redis.cli("XINFO", "GROUPS", store.keys.deliveries).split(separator: "\n").contains(Substring(name))
    }

    func report(_ receiver: String) async throws -> DeliveryReport {
        try await DeliveryQueue(store, receiver: receiver).report(atMost: 100)
    }

    /// Redis's time, Unix ms.
    func now() throws -> Int64 {
        let words = try redis.cli("TIME").split(separator: "\n").compactMap { Int64($0) }
        return words[0] * 1_000 + words[1] / 1_000
    }

    /// Opens an alert, now or at a time in Unix ms, and returns it.
    @discardableResult
    func open(
        _ scope: String = "user:alice", _ meter: Meter = .cost, threshold: Int = 100, period: Period = .day,
        max: Int64 = 20_000_000_000, at time: Int64? = nil
    ) async throws -> Alert {
        let now = try time ?? now()
        let alert = Alert(
            scope: try Scope(parsing: scope), meter: meter, period: period, threshold: threshold,
            max: max, used: 20_240_000_000, source: "tier:premium",
            periodID: period == .day ? "2026-11-20" : nil,
            endsAt: period == .total ? nil : (now / 1_000 + 3_600) * 1_000,
            openedAt: now)
        try await store.publish(.opened(alert))
        return alert
    }

    /// Resolves an alert, now or at a time in Unix ms.
    func resolve(_ alert: Alert, at time: Int64? = nil) async throws {
        try await store.publish(.resolved(id: alert.id, at: try time ?? now(), reason: .periodEnded))
    }
}

extension AlertReceiver {
    static func webhook(
        _ receiver: Receiver, name: String = "hook", secret: String? = nil, filter: Filter = Filter()
    ) throws -> AlertReceiver {
        AlertReceiver(
            name: name, endpoint: .webhook(try WebAddress(parsing: receiver.url), secret: secret.map { Secret($0) }),
            filter: filter)
    }
}

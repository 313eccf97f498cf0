import Logging
import NIOCore
import TollgateRedis

/// Wakes receivers as soon as there is something to deliver. Usable from any task; its connection is owned by one event loop.
struct DeliveryNews {
    private let subscription: NIOLoopBound<RedisSubscription>

    /// Begins to listen.
    static func start(
        address: RedisAddress, channel: String, on eventLoop: any EventLoop, wake: [WakeUp], logger: Logger
    ) async throws -> DeliveryNews {
        var quiet = logger
        // Without it receivers look by themselves, and that Redis is away others report.
        quiet.logLevel = .critical
        let subscription = try await eventLoop.submit { [quiet] in
            let subscription = RedisSubscription(
                address: address, channel: channel, eventLoop: eventLoop, logger: quiet)
            let wakeAll = { for sleeper in wake { sleeper.wake() } }
            subscription.onSubscribed = wakeAll
            subscription.onMessage = { _ in wakeAll() }
            subscription.start()
            return NIOLoopBound(subscription, eventLoop: eventLoop)
        }.get()
        return DeliveryNews(subscription: subscription)
    }

    func stop() async {
        try? await subscription.eventLoop.flatSubmit { [subscription] in subscription.value.shutdown() }.get()
    }
}

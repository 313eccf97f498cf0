import Logging
import NIOCore
import Synchronization
import TollgateRedis

/// A subscription that wakes the receivers' tasks as soon as there are new events. It can be used from any task; its
/// connection is owned by one event loop.
struct DeliverySubscription {
    private let subscription: NIOLoopBound<RedisSubscription>

    /// Subscribes to the channel of new events. The connection is established later, and again whenever it is lost.
    static func start(
        address: RedisAddress, channel: String, on eventLoop: any EventLoop, wake: @escaping @Sendable () -> Void,
        logger: Logger
    ) async throws -> DeliverySubscription {
        var quiet = logger
        // Receivers also poll, and the links report an outage of Redis.
        quiet.logLevel = .critical
        let subscription = try await eventLoop.submit { [quiet] in
            let subscription = RedisSubscription(
                address: address, channel: channel, eventLoop: eventLoop, logger: quiet)
            subscription.onSubscribed = wake
            subscription.onMessage = { _ in wake() }
            subscription.start()
            return NIOLoopBound(subscription, eventLoop: eventLoop)
        }.get()
        return DeliverySubscription(subscription: subscription)
    }

    func stop() async {
        try? await subscription.eventLoop.flatSubmit { [subscription] in subscription.value.shutdown() }.get()
    }
}

/// A sleep of one task that others can end. It can be used from any thread.
final class WakeUp: Sendable {
    private struct State {
        var isWanted = false
        var sleeper: Task<Void, Never>?
    }

    private let state = Mutex(State())

    /// Ends the current sleep, or the next one immediately.
    func wake() {
        state.withLock { state in
            state.isWanted = true
            state.sleeper?.cancel()
        }
    }

    /// Sleeps until the limit has passed, `wake()` is called, or the task is cancelled. Only one task may sleep at a
    /// time.
    func wait(atMost limit: Duration) async {
        let sleeper: Task<Void, Never>? = state.withLock { state in
            guard !state.isWanted else {
                state.isWanted = false
                return nil
            }
            let sleeper = Task<Void, Never> { try? await Task.sleep(for: limit) }
            state.sleeper = sleeper
            return sleeper
        }
        guard let sleeper else { return }
        await withTaskCancellationHandler {
            await sleeper.value
        } onCancel: {
            sleeper.cancel()
        }
        state.withLock { state in
            state.sleeper = nil
            state.isWanted = false
        }
    }
}

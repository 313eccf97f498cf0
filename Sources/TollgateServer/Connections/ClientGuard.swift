import Logging
import Synchronization

/// The state that all workers of a sidecar share about clients: failure counters, and the slots for alert subscribers.
/// Usable from any thread. Not used on the path of a request.
struct ClientGuard: Sendable {
    let wrongTokens: ClientFailures
    let foreignTraffic: ClientFailures
    let alertSlots: AlertSlots

    init(settings: ServerSettings, logger: Logger) {
        wrongTokens = .wrongTokens(at: "line port", logger: logger)
        foreignTraffic = ClientFailures(
            max: 1, message: "line port: disconnected a client that does not speak its protocol",
            lastMessage: "line port: more clients that do not speak its protocol, not logged one by one",
            logger: logger)
        alertSlots = AlertSlots(capacity: settings.maxAlertSubscribers)
    }
}

/// The slots for subscribers to alerts, over all event loops of a sidecar. Usable from any thread.
final class AlertSlots: Sendable {
    let capacity: Int
    private let taken = Atomic<Int>(0)

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Takes a slot until `release()`. Returns false if all are taken.
    func acquire() -> Bool {
        guard taken.wrappingAdd(1, ordering: .relaxed).newValue > capacity else { return true }
        release()
        return false
    }

    func release() {
        taken.wrappingSubtract(1, ordering: .relaxed)
    }
}

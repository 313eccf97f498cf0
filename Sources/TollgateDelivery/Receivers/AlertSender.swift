import TollgateCore
import TollgateLedger
import TollgateStores

/// A sender of alert events to one type of receivers. One task at a time uses it.
protocol AlertSender: Sendable {
    /// Whether events of that kind are sent at all.
    func takes(_ event: Alert.Event) -> Bool

    /// Whether a retried event must say that its alert has been resolved meanwhile. Otherwise it is sent as it was.
    var needsLatestState: Bool { get }

    /// Returns the ordering key of an event. Events with the same key are sent in the order of the stream.
    func order(of entry: AlertEntry) -> String

    /// Makes one attempt, within `Timing.attempt`. The outcome must not contain secrets.
    ///
    /// - Parameter isTest: Whether the event is only a test. Every format says so.
    func deliver(_ entry: AlertEntry, isTest: Bool) async -> DeliveryOutcome
}

extension AlertSender {
    func takes(_ event: Alert.Event) -> Bool { true }

    var needsLatestState: Bool { false }

    func order(of entry: AlertEntry) -> String { entry.alert.id }

    func deliver(_ entry: AlertEntry) async -> DeliveryOutcome { await deliver(entry, isTest: false) }
}

/// The outcome of an attempt.
enum DeliveryOutcome: Sendable, Equatable {
    /// The receiver has accepted the event, with an HTTP status if it has one.
    case delivered(status: Int?)
    case failed(DeliveryFailure)

    /// The event cannot be encoded. This is not a fault of the receiver, and a retry fails too.
    static let unwritable = DeliveryOutcome.failed(.init(sentence: "cannot be written as JSON", isPermanent: true))
}

/// The failure of an attempt.
struct DeliveryFailure: Sendable, Equatable {
    /// A short reason without secrets: `status 503`.
    var sentence: String
    /// Whether the receiver refuses this event permanently, as with a wrong token. Any other failure concerns the
    /// receiver as a whole: it is unreachable, slow, broken or overloaded.
    var isPermanent = false
    /// The delay that the receiver requests.
    var retryAfter: Duration?
    /// The HTTP status of the response; nil if there was none.
    var status: Int?
}

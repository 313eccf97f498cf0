import TollgateCore
import TollgateLedger
import TollgateStores

/// A way to tell somebody of an alert. Used by one task at a time.
protocol AlertSender: Sendable {
    /// Whether it is told of events of that kind at all.
    func takes(_ event: Alert.Event) -> Bool

    /// What the receiver takes for one thing: events of the same are told in the order in which they came.
    func order(of entry: AlertEntry) -> String

    /// One attempt, within `Timing.attempt`. Nothing of it may hold a secret.
    func deliver(_ entry: AlertEntry) async -> DeliveryOutcome
}

extension AlertSender {
    func takes(_ event: Alert.Event) -> Bool { true }

    func order(of entry: AlertEntry) -> String { entry.alert.id }
}

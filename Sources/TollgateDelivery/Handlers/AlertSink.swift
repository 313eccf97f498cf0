import TollgateLedger

/// A way to tell somebody of an alert. Used by one task at a time.
protocol AlertSink: Sendable {
    /// Whether it is told of events of that kind at all.
    func takes(_ event: AlertEntry.Event) -> Bool

    /// One attempt, within `Timing.attempt`. Nothing of it may hold a secret.
    func deliver(_ entry: AlertEntry) async -> DeliveryOutcome
}

extension AlertSink {
    func takes(_ event: AlertEntry.Event) -> Bool { true }
}

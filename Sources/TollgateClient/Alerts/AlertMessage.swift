public import TollgateCore

/// Something that happened to an alert. A plain value.
public struct AlertMessage: Sendable, Hashable {
    /// The place of this message among all others: `alerts(after:)` goes on behind it.
    public var cursor: String
    /// What happened.
    public var event: Alert.Event
    /// The alert as it was after that.
    public var alert: Alert

    /// A message of these parts.
    public init(cursor: String, event: Alert.Event, alert: Alert) {
        self.cursor = cursor
        self.event = event
        self.alert = alert
    }
}

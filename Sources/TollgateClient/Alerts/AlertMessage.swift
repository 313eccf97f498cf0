public import TollgateCore

/// A change of an alert's state.
public struct AlertMessage: Sendable, Hashable {
    /// The position of this message in the stream. Pass it to `alerts(after:)` to resume after it.
    public var cursor: String
    /// The kind of change.
    public var event: Alert.Event
    /// The alert after the change.
    public var alert: Alert

    /// Creates a message.
    public init(cursor: String, event: Alert.Event, alert: Alert) {
        self.cursor = cursor
        self.event = event
        self.alert = alert
    }
}

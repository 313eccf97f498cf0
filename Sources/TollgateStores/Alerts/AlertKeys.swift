import TollgateCore

/// The Redis keys of alerts, denial events and deliveries. They share the hash tag `{alerts}`, and therefore a slot of
/// a cluster. No scope has that name.
package struct AlertKeys: Sendable {
    private let prefix: String

    package init(namespace: String) {
        prefix = "\(namespace):{alerts}:"
    }

    /// Hash of one alert: the fields of its JSON, amounts of `cost` in units, times in Unix ms.
    func alert(_ id: String) -> String { prefix + "alert:\(id)" }
    /// Sorted set of the ids of all alerts by opening time (Unix ms).
    var all: String { prefix + "index:all" }
    /// Sorted set of the ids of the alerts in a state, by opening time (Unix ms).
    func inState(_ state: Alert.State) -> String { prefix + "index:\(state.rawValue)" }
    /// Sorted set of the ids of the alerts of a scope, by opening time (Unix ms).
    func ofScope(_ scope: String) -> String { prefix + "index:scope:\(scope)" }
    /// Sorted set of the ids of open and acknowledged alerts by the time of their next review (Unix ms).
    var ending: String { prefix + "ending" }
    /// Stream of alert events to deliver: `event` (opened, acknowledged, resolved) and `alert`, the alert's JSON after
    /// the event. Each receiver has a consumer group.
    package var deliveries: String { prefix + "deliveries" }
    /// Channel on which the id of each new entry of `deliveries` is published.
    package var news: String { prefix + "news" }
    /// Stream of denial events.
    var events: String { prefix + "events" }
    /// The sidecar that currently delivers to a receiver. Expires.
    func lease(_ receiver: String) -> String { prefix + "lease:\(receiver)" }
    /// Hash of a receiver's failed deliveries that are being retried, by stream id, as JSON. The field `receiver`
    /// exists while the receiver as a whole fails.
    func attempts(_ receiver: String) -> String { prefix + "attempts:\(receiver)" }
    /// The number of retries of a receiver's deliveries that administrators have requested.
    func retries(_ receiver: String) -> String { prefix + "retries:\(receiver)" }
    /// The dead-letter stream of a receiver.
    func deadLetters(_ receiver: String) -> String { prefix + "dead-letters:\(receiver)" }
}

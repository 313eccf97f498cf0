import TollgateCore

/// The names under which Redis holds alerts, denial events and what is to be delivered. All of them share the hash tag `{alerts}`,
/// and so one slot of a cluster; no scope has that name.
package struct AlertKeys: Sendable {
    private let prefix: String

    package init(namespace: String) {
        prefix = "\(namespace):{alerts}:"
    }

    /// Hash of one alert: its fields as they are called in JSON, amounts in nano-units, times in Unix ms.
    func alert(_ id: String) -> String { prefix + "alert:\(id)" }
    /// Sorted set of the ids of all alerts by when they were opened (Unix ms).
    var all: String { prefix + "index:all" }
    /// The same of those in one state.
    func inState(_ state: Alert.State) -> String { prefix + "index:\(state.rawValue)" }
    /// The same of one scope.
    func ofScope(_ scope: String) -> String { prefix + "index:scope:\(scope)" }
    /// Sorted set of the ids of open and acknowledged alerts by when what they count stops to count, or they are to be looked at (Unix ms).
    var ending: String { prefix + "ending" }
    /// Stream of what is to be delivered: `event` (opened, acknowledged, resolved) and `alert`, the alert in JSON as it was then.
    /// Each receiver has a consumer group of it.
    package var deliveries: String { prefix + "deliveries" }
    /// Channel on which the id of each new entry of `deliveries` is told.
    package var news: String { prefix + "news" }
    /// Stream of denial events.
    var events: String { prefix + "events" }
    /// Which sidecar delivers for a receiver at present; with a time to live.
    func lease(_ receiver: String) -> String { prefix + "lease:\(receiver)" }
    /// Hash of the deliveries of a receiver that have failed so far, by their id in the stream: JSON. And `receiver`, while the
    /// receiver as a whole fails.
    func attempts(_ receiver: String) -> String { prefix + "attempts:\(receiver)" }
    /// Stream of the deliveries that a receiver has given up.
    func deadLetters(_ receiver: String) -> String { prefix + "dead-letters:\(receiver)" }
}

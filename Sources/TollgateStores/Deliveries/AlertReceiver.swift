package import TollgateCore

/// Somebody who is told of alerts, and of which. A plain value.
package struct AlertReceiver: Sendable, Hashable {
    /// How it is told.
    package enum Target: Sendable, Hashable {
        /// A line in the sidecar's log.
        case log
        /// JSON, signed where there is a secret.
        case webhook(WebAddress, secret: Secret?)
        /// What Slack, and others like it, take for a message.
        case slack(WebAddress)
        /// Prometheus Alertmanager's API v2, whose paths are added to the address.
        case alertmanager(WebAddress)
        /// The webhook's JSON, published on a channel of the Redis that holds the counters.
        case pubsub(channel: String)
    }

    /// Bytes that nobody is shown.
    package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
    {
        package let text: String
        /// The fewest and the most bytes.
        package static let range = 16...8_192

        package init(_ text: String) {
            self.text = text
        }

        package var description: String { "(secret)" }
        package var debugDescription: String { description }
        package var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// Which alerts it is told of; nil stands for all.
    package struct Filter: Sendable, Hashable {
        package var kinds: Set<ScopeKind>?
        package var meters: Set<Meter>?
        package var severities: Set<Alert.Severity>?

        package init(
            kinds: Set<ScopeKind>? = nil, meters: Set<Meter>? = nil, severities: Set<Alert.Severity>? = nil
        ) {
            self.kinds = kinds
            self.meters = meters
            self.severities = severities
        }

        package func lets(_ alert: Alert) -> Bool {
            kinds?.contains(alert.scope.kind) ?? true && meters?.contains(alert.meter) ?? true
                && severities?.contains(alert.severity) ?? true
        }
    }

    /// `[a-z][a-z0-9_-]{0,31}`; what it still has to be told is kept in Redis under this name.
    package var name: String
    package var target: Target
    package var filter: Filter

    package init(name: String, target: Target, filter: Filter = Filter()) {
        self.name = name
        self.target = target
        self.filter = filter
    }

    /// What there is where nothing else is set: the log.
    package static let standard = [AlertReceiver(name: "log", target: .log)]

    /// The most that there may be: each has a task of its own.
    package static let most = 32

    /// The word for it in the file.
    package var type: AlertReceiverType {
        switch target {
        case .log: .log
        case .webhook: .webhook
        case .slack: .slack
        case .alertmanager: .alertmanager
        case .pubsub: .pubsub
        }
    }

    /// Where it is, for people: a host, a channel, or nil for the log.
    package var place: String? {
        switch target {
        case .log: nil
        case .webhook(let address, _), .slack(let address), .alertmanager(let address): address.host
        case .pubsub(let channel): channel
        }
    }
}

/// The kinds of receivers there are.
package enum AlertReceiverType: String, Sendable, CaseIterable {
    case log, webhook, slack, alertmanager, pubsub

    /// The keys that such a receiver may have in the file, beside those of every receiver.
    package var keys: [String] {
        switch self {
        case .log: []
        case .webhook: ["url", "url_file", "secret_file"]
        case .slack, .alertmanager: ["url", "url_file"]
        case .pubsub: ["channel"]
        }
    }
}

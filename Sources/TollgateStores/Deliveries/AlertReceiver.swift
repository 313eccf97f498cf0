package import TollgateCore

/// A receiver of alerts, with its endpoint and its filter. A value.
package struct AlertReceiver: Sendable, Hashable {
    /// The endpoint to which alerts are sent.
    package enum Endpoint: Sendable, Hashable {
        /// The sidecar's log.
        case log
        /// A URL that takes JSON, signed if there is a secret.
        case webhook(WebAddress, secret: Secret?)
        /// A URL that takes messages in the format of Slack.
        case slack(WebAddress)
        /// The API v2 of Prometheus Alertmanager, whose paths are appended to the address.
        case alertmanager(WebAddress)
        /// A channel of the Redis that contains the counters. It carries the webhook's JSON.
        case pubsub(channel: String)
    }

    /// A signing secret that is never printed.
    package struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
    {
        package let text: String
        /// The permitted lengths in bytes.
        package static let range = 16...8_192

        package init(_ text: String) {
            self.text = text
        }

        package var description: String { "(secret)" }
        package var debugDescription: String { description }
        package var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// A filter for alerts. A criterion that is nil matches every alert.
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

        package func matches(_ alert: Alert) -> Bool {
            kinds?.contains(alert.scope.kind) ?? true && meters?.contains(alert.meter) ?? true
                && severities?.contains(alert.severity) ?? true
        }
    }

    /// The name, which matches `[a-z][a-z0-9_-]{0,31}`. The receiver's consumer group in Redis has the same name.
    package var name: String
    package var endpoint: Endpoint
    package var filter: Filter

    package init(name: String, endpoint: Endpoint, filter: Filter = Filter()) {
        self.name = name
        self.endpoint = endpoint
        self.filter = filter
    }

    /// The receivers without a file: the log.
    package static let standard = [AlertReceiver(name: "log", endpoint: .log)]

    /// The maximum number of receivers. Each has a task of its own.
    package static let maxReceivers = 32

    /// The type, as the file names it.
    package var type: AlertReceiverType {
        switch endpoint {
        case .log: .log
        case .webhook: .webhook
        case .slack: .slack
        case .alertmanager: .alertmanager
        case .pubsub: .pubsub
        }
    }

    /// The address for operators: a host, a channel, or nil for the log.
    package var address: String? {
        switch endpoint {
        case .log: nil
        case .webhook(let address, _), .slack(let address), .alertmanager(let address): address.host
        case .pubsub(let channel): channel
        }
    }
}

/// A type of receivers.
package enum AlertReceiverType: String, Sendable, CaseIterable {
    case log, webhook, slack, alertmanager, pubsub

    /// The keys that such a receiver can have in the file besides the common ones.
    package var keys: [String] {
        switch self {
        case .log: []
        case .webhook: ["url", "url_file", "secret_file"]
        case .slack, .alertmanager: ["url", "url_file"]
        case .pubsub: ["channel"]
        }
    }
}

package import TollgateCore

/// Which alerts a list shows; what is nil, or empty, does not matter.
package struct AlertFilter: Sendable {
    package var states: Set<Alert.State>
    package var scope: Scope?
    package var severity: Alert.Severity?

    package init(states: Set<Alert.State> = [], scope: Scope? = nil, severity: Alert.Severity? = nil) {
        self.states = states
        self.scope = scope
        self.severity = severity
    }

    /// Those that still hold.
    package static let active = AlertFilter(states: [.open, .acknowledged])

    /// Whether what it lets through is all that some indexes have.
    var isAnIndex: Bool { severity == nil && (scope == nil || states.isEmpty) }

    func matches(_ alert: Alert) -> Bool {
        (states.isEmpty || states.contains(alert.state)) && (scope == nil || alert.scope == scope)
            && (severity == nil || alert.severity == severity)
    }
}

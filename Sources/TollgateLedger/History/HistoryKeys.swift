import TollgateCore

/// The names under which Redis holds days, months and rankings.
struct HistoryKeys: Sendable {
    private let namespace: String

    init(namespace: String) {
        self.namespace = namespace
    }

    /// Hash of one day: `2026-11-20` in the scope's own calendar.
    func day(_ id: String, of scope: Scope) -> String { "\(namespace):{\(scope)}:day:\(id)" }

    /// Hash of the days of one month that are over, and as `open_day` those that have not been added to it yet: `2026-11`.
    func month(_ id: String, of scope: Scope) -> String { "\(namespace):{\(scope)}:month:\(id)" }

    /// Sorted set of the scopes of a kind by what they used of a meter on the day of that id.
    func top(_ kind: ScopeKind, _ meter: HistoryMeter, day id: String) -> String {
        "\(namespace):{top}:\(kind):\(meter.name):\(id)"
    }
}

import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// Everything that the page of a scope shows, as it was read from Redis.
struct ScopeReport: Sendable {
    /// The days of the chart.
    static let days: Int64 = 30
    private static let maxItems = 20
    private static let maxHolds = 100

    var scope: Scope
    var rules: ScopeRules
    var usage: ScopeUsage
    var stored: StoredSettings
    /// Nil if the kind has no history.
    var history: HistoryChart?
    var alerts: [Alert]
    var denials: [DenialEntry]
    /// The open reservations that end first.
    var holds: [OpenHold]
    /// Redis's time, Unix ms.
    var now: Int64

    /// Reads the report, its parts beside each other.
    static func read(
        _ scope: Scope, by dimension: HistoryDimension, from sidecar: Sidecar
    ) async throws -> ScopeReport {
        let now = await sidecar.redisTime
        let (rules, usage) = try await sidecar.usage(of: scope)
        async let stored = sidecar.stores.policy.settings(of: scope)
        async let alerts = sidecar.stores.alerts.alerts(AlertFilter(scope: scope), atMost: maxItems)
        async let denials = sidecar.stores.alerts.denials.events(scope: scope, atMost: maxItems)
        async let holds = sidecar.stores.reservations.open(of: scope, at: now, after: nil, atMost: maxHolds)
        var history: HistoryChart?
        if sidecar.policies.effective.hasHistory(scope.kind) {
            history = try await HistoryChart.read(
                of: scope, last: days, .day, in: rules.calendar, by: [dimension], from: sidecar)
        }
        return try await ScopeReport(
            scope: scope, rules: rules, usage: usage, stored: stored, history: history, alerts: alerts.items,
            denials: denials.items, holds: holds.items, now: now)
    }

    /// Returns the values of the template `instant`, in the time zone of the scope.
    func instant(_ milliseconds: Int64) -> TemplateContext {
        LocalTime(rules.calendar).context(milliseconds, now: now)
    }

    /// The override in force. Nil if there is none, or if it has ended.
    var override: Versioned<Override>? {
        stored.override.flatMap { $0.item.expiresAt > now ? $0 : nil }
    }
}

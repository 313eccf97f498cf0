import TollgateCore
import TollgatePolicy

/// Whose days and months a report is in.
struct ReportCalendar {
    var rules: CalendarRules
    /// Whether requests with roles or an address, neither of which the report was asked for with, may have been counted by another.
    var dependsOnTraits: Bool

    /// - Parameter settings: what administrators have set for the scope.
    init(of scope: Scope, _ settings: ScopeSettings, _ traits: UserTraits, in policy: Policy, at now: Int64) {
        let found = policy.rules(for: scope, settings: settings, traits: traits, at: now)
        rules = found.calendar
        let tiers = traits == .none ? policy.tiersByTraits(of: scope, assignment: settings.assignment) : []
        dependsOnTraits = tiers.contains { tier, _ in
            tier.map { $0.tier.calendar(over: policy.calendar) != found.calendar } ?? false
        }
    }
}

import TollgateCore
import TollgatePolicy

/// The calendar of a report.
struct ReportCalendar {
    var rules: CalendarRules
    /// Whether requests with other roles or another email address may have been counted in another calendar.
    var dependsOnTraits: Bool

    /// Resolves the calendar of a scope.
    ///
    /// - Parameter settings: The settings of the scope that administrators have made.
    init(of scope: Scope, _ settings: ScopeSettings, _ traits: UserTraits, in policy: Policy, at now: Int64) {
        let found = policy.rules(for: scope, settings: settings, traits: traits, at: now)
        rules = found.calendar
        let tiers = traits == .none ? policy.tiersByTraits(of: scope, assignment: settings.assignment) : []
        dependsOnTraits = tiers.contains { tier, _ in
            tier.map { $0.tier.calendar(over: policy.calendar) != found.calendar } ?? false
        }
    }
}

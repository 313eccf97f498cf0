import TollgateCore

/// Whose days and months a report is in.
struct ReportCalendar {
    var rules: CalendarRules
    /// Whether requests with roles or an address, neither of which the report was asked for with, may have been counted by another.
    var dependsOnTraits: Bool

    /// - Parameter settings: what administrators have set for the scope.
    init(of scope: Scope, _ settings: ScopeSettings, _ traits: UserTraits, in policy: Policy, at now: Int64) {
        let found = policy.rules(for: scope, settings: settings, traits: traits, at: now)
        rules = found.calendar
        dependsOnTraits = traits == .none && found.dependsOnTraits && policy.hasCalendar(byTraitsInsteadOf: found)
    }
}

extension Policy {
    /// Whether a role or an e-mail domain has a tier with another calendar than the one that was found without any.
    fileprivate func hasCalendar(byTraitsInsteadOf found: ScopeRules) -> Bool {
        assignments.values.contains { assignment in
            switch assignment.subject {
            case .user, .everyone: return false
            case .role, .emailDomain:
                guard assignment.isEnabled, let tier = tiers[assignment.tier]?.tier else { return false }
                return tier.calendar(over: calendar) != found.calendar
            }
        }
    }
}

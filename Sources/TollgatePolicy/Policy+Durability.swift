import TollgateCore

extension Policy {
    /// Whether the policy counts over a day or longer: in a history, in a limit of its own, or perhaps in one that
    /// administrators have set for a scope.
    package var countsOverDays: Bool {
        if !history.isEmpty || kindsWithSettings?.isEmpty == false { return true }
        let limits: [[Limit]] =
            Array(defaults.values) + Array(scopes.values) + tiers.values.map(\.tier.limits)
            + accounts.values.map(\.limits)
        return limits.joined().contains { $0.period.isDayOrLonger }
    }
}

extension Period {
    fileprivate var isDayOrLonger: Bool {
        switch self {
        case .day, .week, .month, .total: true
        case .sliding(let seconds): seconds >= 86_400
        case .request, .reservation: false
        }
    }
}

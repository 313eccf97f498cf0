package import TollgateCore

/// Which limits hold for whom, and the settings around them: what a policy file says, with what administrators have changed.
///
/// An immutable snapshot in use; a reload, and a change by an administrator, makes another one.
package struct Policy: Sendable, Equatable {
    /// Three upper-case letters. Only printed; amounts are never converted.
    package var currency = "USD"
    /// When days, weeks and months begin.
    package var calendar = CalendarRules.utc
    /// Percentages of `max` past which calendar and `total` limits warn, ascending, 1 … 1000 each.
    package var thresholds = [80, 90, 95, 100]
    /// The kinds whose days and months are kept; may hold `global`.
    package var history: Set<String> = ["user", "team", "project", "tenant", "tool", "provider", "account"]
    /// How many days a day's history is kept after its end, 1 … 400.
    package var historyDays = 35
    /// How many months, of 31 days, a month's history is kept after its end, 1 … 60.
    package var historyMonths = 14
    /// What becomes of a decision when Redis cannot be asked; a limit's own rule comes first.
    package var onRedisFailure = FailureRules()
    /// Limits of every scope of a kind; in the order of `Limit.precedes`.
    package var defaults: [ScopeKind: [Limit]] = [:]
    /// Limits of one scope, before those of its kind; in the order of `Limit.precedes`.
    package var scopes: [Scope: [Limit]] = [:]
    /// By id.
    package var tiers: [String: PlacedTier] = [:]
    /// Which tier whom; one a subject.
    package var assignments: [Assignment.Subject: Assignment] = [:]
    /// `no_limits: true`: the file sets none on purpose.
    package var saysNoLimits = false
    /// The kinds of scopes for which administrators have set something; nil before that is known.
    package var kindsWithSettings: Set<ScopeKind>?
    /// Limits that can never matter.
    package var warnings: [PolicyProblem] = []

    /// More composite kinds would each add a scope to most requests.
    package static let maxCompositeKinds = 32
    /// The limits of one scope are read and written in one piece.
    package static let maxLimitsPerScope = 64

    /// No limits, and the default settings.
    package static let empty = Policy()

    /// No limits, and the default settings.
    package init() {}

    /// True if it sets a limit for any scope or in any tier.
    package var hasLimits: Bool {
        defaults.values.contains { !$0.isEmpty } || scopes.values.contains { !$0.isEmpty }
            || tiers.values.contains { !$0.tier.limits.isEmpty }
    }

    /// The kinds that it names anywhere: those whose scopes are listed when they have been seen.
    package var listedKinds: Set<ScopeKind> {
        var kinds = Set(defaults.keys).union(scopes.keys.map(\.kind))
        for kind in history { if let kind = try? ScopeKind(parsing: kind) { kinds.insert(kind) } }
        if !tiers.isEmpty, let user = try? ScopeKind(parsing: "user") { kinds.insert(user) }
        return kinds
    }

    /// Every composite kind that `defaults` or `scopes` names, or for which administrators have set something, sorted: those that
    /// a request's own scopes have to be joined into. At most `maxCompositeKinds`; the file's come first.
    package var compositeKinds: [ScopeKind] {
        let ofFile = Set(defaults.keys).union(scopes.keys.map(\.kind))
        let others = (kindsWithSettings ?? []).subtracting(ofFile)
        return Array((Self.composites(ofFile) + Self.composites(others)).prefix(Self.maxCompositeKinds))
    }

    private static func composites(_ kinds: Set<ScopeKind>) -> [ScopeKind] {
        kinds.filter(\.isComposite)
            .sorted { $0.names.lexicographicallyPrecedes($1.names, by: ScopeKind.precedes) }
    }
}

extension Limit {
    /// The order in which limits are listed: by meter, then `request`, sliding windows by length, day, week, month, total.
    package static func precedes(_ lhs: Limit, _ rhs: Limit) -> Bool {
        (lhs.meter.rawValue, lhs.period) < (rhs.meter.rawValue, rhs.period)
    }
}

extension Period: Comparable {
    /// `request`, sliding windows by length, then day, week, month, total.
    package static func < (lhs: Period, rhs: Period) -> Bool { lhs.rank < rhs.rank }

    private var rank: Int64 {
        switch self {
        case .request: 0
        case .sliding(let seconds): seconds
        case .day: Self.maxWindow + 1
        case .week: Self.maxWindow + 2
        case .month: Self.maxWindow + 3
        case .total: Self.maxWindow + 4
        case .reservation: Self.maxWindow + 5
        }
    }
}

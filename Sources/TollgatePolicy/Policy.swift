package import TollgateCore

/// The limits of all scopes, and the settings around them: a policy file, with the changes of administrators.
///
/// An immutable snapshot. A reload, or a change by an administrator, creates another one.
package struct Policy: Sendable, Equatable {
    /// Three upper-case letters. Reports print it; amounts are never converted.
    package var currency = "USD"
    /// The unit in which money is counted, from `decimals`. It is fixed for the data of a namespace.
    package var moneyUnit = MoneyUnit.nano
    /// The rules for when days, weeks and months begin.
    package var calendar = CalendarRules.utc
    /// The percentages of `max` past which calendar and `total` limits warn, ascending, 1 … 1000 each.
    package var thresholds = [80, 90, 95, 100]
    /// The kinds of scopes that have a history; may contain `global`.
    package var history: Set<String> = ["user", "team", "project", "tenant", "tool", "provider", "account"]
    /// The retention of a day's history after the day's end, in days, 1 … 400.
    package var historyDays = 35
    /// The retention of a month's history after the month's end, in months of 31 days, 1 … 60.
    package var historyMonths = 14
    /// The decisions while Redis is unavailable. A limit's own rule takes precedence.
    package var onRedisFailure = FailureRules()
    /// The limits of each scope of a kind, in the order of `Limit.precedes`.
    package var defaults: [ScopeKind: [Limit]] = [:]
    /// The limits of single scopes, which take precedence over those of their kind; in the order of `Limit.precedes`.
    package var scopes: [Scope: [Limit]] = [:]
    /// The tiers by id.
    package var tiers: [String: TierEntry] = [:]
    /// The assignments of tiers: at most one for each subject.
    package var assignments: [Assignment.Subject: Assignment] = [:]
    /// The administrators' assignments that have no effect: they are not enabled, or their tier is missing or not enabled.
    package var unusedAssignments: [Assignment.Subject: Assignment] = [:]
    /// The ids of the file's accounts whose provider an administrator has bound to another account.
    package var unusedBindings: Set<String> = []
    /// The prices of models.
    package var prices = PriceTable()
    /// The accounts at providers by id.
    package var accounts: [String: Account] = [:]
    /// The drift of an account's usage from its provider's figures past which an alert opens, in percent, 1 … 1000.
    package var driftThreshold = 5
    /// The rule for models without a price; nil if the policy does not say.
    package var unknownModel: UnknownModelRule?
    /// The kinds that requests may name besides the usual ones and those named elsewhere in the policy.
    package var kinds: Set<String> = []
    /// What happens to requests that name another kind.
    package var unknownKinds = UnknownKindRule.error
    /// The kinds whose ids are compared in lower case (A–Z only).
    package var foldedKinds: Set<String> = []
    /// Whether the file says `no_limits: true`.
    package var saysNoLimits = false
    /// The kinds of scopes that administrators have changed; nil until they are known.
    package var kindsWithSettings: Set<ScopeKind>?
    /// Limits of the file that have no effect, and other settings that may not be meant.
    package var warnings: [PolicyProblem] = []

    /// The maximum number of composite kinds. Each adds a scope to most requests.
    package static let maxCompositeKinds = 32
    /// The maximum number of limits of a scope. They are read and written together.
    package static let maxLimitsPerScope = 64

    /// A policy without limits, with the default settings.
    package static let empty = Policy()

    /// Creates a policy without limits, with the default settings.
    package init() {}

    /// Whether the policy has a limit for any scope or in any tier.
    package var hasLimits: Bool {
        defaults.values.contains { !$0.isEmpty } || scopes.values.contains { !$0.isEmpty }
            || tiers.values.contains { !$0.tier.limits.isEmpty }
    }

    /// The kinds that the policy names anywhere. The sidecar lists the scopes of these kinds once it has seen them.
    package var listedKinds: Set<ScopeKind> {
        var kinds = Set(defaults.keys).union(scopes.keys.map(\.kind))
        for kind in history.union(self.kinds) { if let kind = try? ScopeKind(parsing: kind) { kinds.insert(kind) } }
        if !tiers.isEmpty, let user = try? ScopeKind(parsing: "user") { kinds.insert(user) }
        return kinds
    }

    /// The composite kinds into which the scopes of a request are joined, sorted, at most `maxCompositeKinds`.
    ///
    /// They are those of `defaults` and `scopes`, followed by those that administrators have changed.
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

// MARK: - History

/// The retention of the days and the months of a scope after their ends, in milliseconds.
package struct HistoryRetention: Sendable, Hashable {
    /// The time in ms that a day is retained after its end.
    package let day: Int64
    /// The time in ms that a month is retained after its end.
    package let month: Int64

    /// Creates a retention. A month counts as 31 days.
    package init(days: Int, months: Int) {
        day = Int64(days) * 86_400_000
        month = Int64(months) * 31 * 86_400_000
    }
}

extension Policy {
    /// The retention of a scope's history; nil if the scope has none.
    package func historyRetention(of scope: Scope) -> HistoryRetention? {
        hasHistory(scope) ? HistoryRetention(days: historyDays, months: historyMonths) : nil
    }

    /// The id of the oldest day or month that is still retained.
    ///
    /// - Parameters:
    ///   - unit: Day or month.
    ///   - now: Unix ms.
    package func oldestRetained(_ unit: CalendarUnit, in calendar: CalendarRules, at now: Int64) -> String {
        let retention = HistoryRetention(days: historyDays, months: historyMonths)
        return calendar.window(unit, containing: now - (unit == .day ? retention.day : retention.month)).id
    }

    /// Whether a scope has a history. Composite scopes have none.
    package func hasHistory(_ scope: Scope) -> Bool { hasHistory(scope.kind) }

    /// Whether the scopes of a kind have a history. Composite scopes have none.
    package func hasHistory(_ kind: ScopeKind) -> Bool {
        !kind.isComposite && history.contains(kind.description)
    }
}

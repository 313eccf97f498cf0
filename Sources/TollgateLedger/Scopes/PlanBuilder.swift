import TollgateCore
import TollgatePolicy

/// Makes plans from a policy and from what administrators have set. Scopes with equal limits share a limit set.
///
/// Owned by a ``ScopePlanCache``.
struct PlanBuilder {
    /// The maximum number of cached limit sets. When it is reached, the cache is cleared; sets in use stay alive through
    /// their plans.
    static let maxSets = 16_384

    var policy: Policy
    private let keySpace: KeySpace
    /// Returns the estimated time of Redis's clock, Unix ms.
    private let redisTime: () -> Int64
    private var sets: [LimitSetKey: LimitSet] = [:]

    private struct LimitSetKey: Hashable {
        var limits: [EffectiveLimit]
        var history: HistoryRetention?
        /// The kind of a scope with history.
        var kind: ScopeKind?
        var calendar: CalendarRules
        var alerts: LimitSet.AlertRules
    }

    init(policy: Policy, keySpace: KeySpace, redisTime: @escaping () -> Int64) {
        self.policy = policy
        self.keySpace = keySpace
        self.redisTime = redisTime
    }

    /// Returns a new plan of a scope. `standing` has its settings.
    mutating func plan(
        for scope: Scope, hash: Int, traits: [UInt8], standing: ScopeStanding, policyNumber: UInt32
    ) -> ScopePlan {
        var standing = standing
        let rules = rules(for: scope, settings: standing.settings, traits: traits)
        standing.policyNumber = policyNumber
        standing.endsAt = rules.expiresAt ?? .max
        standing.isUser = Policy.canHaveTier(scope)
        if standing.isUser { standing.traits = traits }
        return ScopePlan(
            scope: scope, set: set(for: rules, of: scope), keySpace: keySpace, hash: hash, standing: standing)
    }

    /// Returns a new plan of the same scope with another limit set.
    func variant(of plan: ScopePlan, set: LimitSet) -> ScopePlan {
        ScopePlan(scope: plan.scope, set: set, keySpace: keySpace, hash: plan.hash)
    }

    /// Returns the rules of a scope. Its traits are those of the request (`UserTraits.bytes`).
    func rules(for scope: Scope, settings: SettingsBox?, traits: [UInt8]) -> ScopeRules {
        policy.rules(
            for: scope, settings: settings?.settings ?? .none, traits: UserTraits(bytes: traits),
            at: settings?.settings.override == nil ? .min : redisTime())
    }

    /// Returns the limit set of the rules: the shared one if there is one.
    mutating func set(for rules: ScopeRules, of scope: Scope) -> LimitSet {
        let history = policy.historyRetention(of: scope)
        let key = LimitSetKey(
            limits: rules.limits, history: history, kind: history == nil ? nil : scope.kind, calendar: rules.calendar,
            alerts: LimitSet.AlertRules(tier: rules.choice?.tier.tier.id ?? "", varying: rules.varyingLimits))
        if let set = sets[key] { return set }
        if sets.count >= Self.maxSets { sets.removeAll() }
        let set = LimitSet(
            limits: key.limits, history: key.history, kind: key.kind, rules: key.calendar, alerts: key.alerts)
        sets[key] = set
        return set
    }
}

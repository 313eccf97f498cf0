import TollgateCore
import TollgatePolicy

extension ScopePlanCache {
    /// The plans by which a scope's alerts are looked at although no request is about it, to be used one after the other: its own;
    /// or where requests may find other limits, one for each tier that they can give it, which open nothing. Empty where no limit
    /// of it counts anything, and so the script does not look at it.
    package func reviewPlans(of plan: ScopePlan) -> [ScopePlan] {
        guard !plan.set.alerts.varying.isEmpty else { return Self.countsAny(plan.set.limits) ? [plan] : [] }
        let (scope, settings) = (plan.scope, plan.standing.settings)
        let tiers = policy.tiersByTraits(of: scope, assignment: settings?.settings.assignment)
        let usual = tiers.first?.tier?.tier.id ?? ""
        let counting = tiers.map { tier, traits in
            (tier: tier?.tier.id ?? "", rules: rules(for: scope, settings, traits.bytes))
        }.filter { Self.countsAny($0.rules.limits) }
        return counting.indices.map { index in
            let (tier, rules) = counting[index]
            let others = index == 0 ? counting.dropFirst().map(\.tier) : nil
            let alerts = LimitSet.AlertRules(
                tier: tier, varying: rules.varyingLimits, onlyResolves: true, otherTiers: others,
                isUsual: index == 0 && tier == usual)
            let set = LimitSet(limits: rules.limits, history: nil, rules: rules.calendar, alerts: alerts)
            return ScopePlan(of: plan, set: set)
        }
    }

    /// Whether any of them has a counter, or open reservations.
    private static func countsAny(_ limits: [EffectiveLimit]) -> Bool {
        limits.contains { $0.limit.period != .request }
    }
}

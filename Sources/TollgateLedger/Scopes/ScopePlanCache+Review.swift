import TollgateCore
import TollgatePolicy

extension ScopePlanCache {
    /// Returns the plans with which a scope's alerts are reviewed without a request, in order: its own plan, or one per
    /// tier if its limits depend on the request. The latter never open alerts. Empty if no limit of the scope has a
    /// counter.
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

    /// Returns the plans with which the expired reservations of a scope are charged: its own plan, or one per tier if its
    /// limits depend on the request. They are those of requests, so a charge counts as a COMMIT would have counted.
    package func sweepPlans(of plan: ScopePlan) -> [ScopePlan] {
        guard !plan.set.alerts.varying.isEmpty else { return [plan] }
        let (scope, settings) = (plan.scope, plan.standing.settings)
        return policy.tiersByTraits(of: scope, assignment: settings?.settings.assignment).map { _, traits in
            let set = limitSet(for: rules(for: scope, settings, traits.bytes), of: scope)
            return set === plan.set ? plan : ScopePlan(of: plan, set: set)
        }
    }

    /// Whether any of them has a counter, or open reservations.
    private static func countsAny(_ limits: [EffectiveLimit]) -> Bool {
        limits.contains { $0.limit.period != .request }
    }
}

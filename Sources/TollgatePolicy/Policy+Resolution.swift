package import TollgateCore

/// The limits of one scope with all that they depend on.
package struct ScopeRules: Sendable, Equatable {
    /// In the order of `Limit.precedes`. Unlimited ones are among them, so that reports can show where they come from.
    package var limits: [EffectiveLimit]
    /// When the scope's days, weeks and months begin.
    package var calendar: CalendarRules
    /// The tier of a user.
    package var choice: TierChoice?
    /// Whether a request that says something else of the user may find another tier.
    package var dependsOnTraits: Bool
    /// Names of the limits that such a request may find otherwise, or not at all; sorted.
    package var varyingLimits: [String]
    /// Unix ms: when the override ends, and other rules hold; nil while there is none.
    package var expiresAt: Int64?
}

extension Policy {
    /// What holds for a scope: per meter and period the first of override, the scope's own limits (an administrator's before
    /// the file's), tier, and `defaults` of its kind.
    ///
    /// - Parameters:
    ///   - settings: what administrators have set for the scope.
    ///   - traits: of the user; of no use to other scopes.
    ///   - now: Redis's time, Unix ms; only an override depends on it.
    package func rules(
        for scope: Scope, settings: ScopeSettings = .none, traits: UserTraits = .none, at now: Int64 = .min
    ) -> ScopeRules {
        let choice =
            Self.canHaveTier(scope)
            ? tierChoice(for: scope, assignment: settings.assignment, traits: traits) : nil
        let override = settings.override.flatMap { $0.expiresAt > now ? $0 : nil }
        var limits: [EffectiveLimit] = []
        func add(_ more: [Limit], _ source: EffectiveLimit.Source) {
            for limit in more where !limits.contains(where: { $0.limit.isSame(as: limit) }) {
                limits.append(effective(limit, source))
            }
        }
        add(override?.limits ?? [], .override)
        add(settings.limits, .scope(.admin))
        add(scopes[scope] ?? [], .scope(.file))
        if let choice {
            let tier = choice.tier.tier
            let via = choice.winner.subject
            let source = EffectiveLimit.Source.TierSource(
                id: tier.id, origin: choice.tier.origin,
                // Not the user's name: scopes with equal limits share them.
                via: via.kind == "user" ? "user" : via.id)
            add(tier.limits, .tier(source))
        }
        add(defaults[scope.kind] ?? [], .defaults)
        for addition in override?.additions ?? [] { Self.apply(addition, to: &limits) }
        let dependsOnTraits = tierDependsOnTraits(of: scope, assignment: settings.assignment)
        return ScopeRules(
            limits: limits.sorted { Limit.precedes($0.limit, $1.limit) },
            calendar: choice?.tier.tier.calendar(over: calendar) ?? calendar, choice: choice,
            dependsOnTraits: dependsOnTraits,
            varyingLimits: dependsOnTraits ? limitsByTier(of: scope, settings, override) : [],
            expiresAt: override?.expiresAt)
    }

    /// Names of the limits of a user's tiers, whichever it has, but for those that it has from elsewhere all the same.
    private func limitsByTier(of user: Scope, _ settings: ScopeSettings, _ override: Override?) -> [String] {
        let others = (override?.limits ?? []) + settings.limits + (scopes[user] ?? [])
        var varying: [Limit] = []
        for (tier, _) in tiersByTraits(of: user, assignment: settings.assignment) {
            for limit in tier?.tier.limits ?? [] where !(others + varying).contains(where: { $0.isSame(as: limit) }) {
                varying.append(limit)
            }
        }
        return varying.map(\.name).sorted()
    }

    /// The limits that hold for a scope of which nothing else is known.
    package func limits(for scope: Scope) -> [EffectiveLimit] { rules(for: scope).limits }

    /// An absolute limit of the same override comes first, and is left as it is.
    private static func apply(_ addition: Override.Addition, to limits: inout [EffectiveLimit]) {
        let place = limits.firstIndex { $0.limit.meter == addition.meter && $0.limit.period == addition.period }
        guard let place, limits[place].source != .override, let max = limits[place].limit.max else { return }
        limits[place].limit.max = min(max + addition.amount, addition.meter.maxLimit)
        limits[place].source = .override
    }

    private func effective(_ limit: Limit, _ source: EffectiveLimit.Source) -> EffectiveLimit {
        let inheritsThresholds = limit.period.calendarUnit != nil || limit.period == .total
        return EffectiveLimit(
            limit: limit,
            source: source,
            thresholds: limit.thresholds ?? (inheritsThresholds ? thresholds : []),
            onRedisFailure: limit.onRedisFailure ?? onRedisFailure[limit.meter])
    }
}

extension Limit {
    /// Whether both count the same over the same period: only one of them can hold.
    fileprivate func isSame(as other: Limit) -> Bool { meter == other.meter && period == other.period }
}

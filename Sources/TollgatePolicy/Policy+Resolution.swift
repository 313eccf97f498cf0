package import TollgateCore

/// The rules of one scope: its limits, and what decides how long they are valid.
package struct ScopeRules: Sendable, Equatable {
    /// The limits in the order of `Limit.precedes`. Reports show the source of unlimited ones, so they are included.
    package var limits: [EffectiveLimit]
    /// The rules for when the scope's days, weeks and months begin.
    package var calendar: CalendarRules
    /// The user's tier and how it was chosen; nil if no assignment applies, or the scope is not a user.
    package var choice: TierChoice?
    /// Whether a request with other roles or another email address may get another tier.
    package var dependsOnTraits: Bool
    /// The names of the limits that differ in such a tier, or are missing in it; sorted.
    package var varyingLimits: [String]
    /// The time at which the override ends and the rules change, in Unix ms; nil without an override.
    package var expiresAt: Int64?
}

/// A limit of a scope, with its source and with the defaults of the policy filled in.
package struct EffectiveLimit: Sendable, Hashable {
    /// The part of the policy that a limit comes from.
    package enum Source: Sendable, Hashable {
        /// An override that has not expired.
        case override
        /// The limits of the scope itself.
        case scope(Origin)
        /// The tier of the user.
        case tier(TierSource)
        /// The limits of the scope's kind.
        case defaults

        /// A tier, and the assignment that gives it to the user.
        package struct TierSource: Sendable, Hashable {
            /// The id of the tier.
            package var id: String
            /// The origin of the tier.
            package var origin: Origin
            /// The subject of the assignment: `user`, `role:Faculty`, `email_domain:example.com` or `default`.
            package var via: String
        }

        /// The word in replies: `override`, `scope`, `tier:premium` or `defaults`.
        package var word: String {
            switch self {
            case .override: "override"
            case .scope: "scope"
            case .tier(let source): "tier:\(source.id)"
            case .defaults: "defaults"
            }
        }

        /// The word, and for a tier the subject of the assignment: `tier:premium via role:Faculty`.
        package var explanation: String {
            if case .tier(let source) = self { "\(word) via \(source.via)" } else { word }
        }

        /// The origin of the setting.
        package var origin: Origin {
            switch self {
            case .override: .admin
            case .scope(let origin): origin
            case .tier(let source): source.origin
            case .defaults: .file
            }
        }
    }

    /// The limit as it was set.
    package var limit: Limit
    /// The part of the policy that the limit comes from.
    package var source: Source
    /// The percentages of `max` past which replies warn, ascending.
    package var thresholds: [Int]
    /// The decision while Redis is unavailable.
    package var onRedisFailure: FailureRule
    /// The side that counts; other than `own` only for accounts.
    package var counts = CountedSide.own

    /// Creates a limit from values that are all resolved.
    package init(limit: Limit, source: Source, thresholds: [Int], onRedisFailure: FailureRule) {
        self.limit = limit
        self.source = source
        self.thresholds = thresholds
        self.onRedisFailure = onRedisFailure
    }
}

// MARK: - Resolution

extension Policy {
    /// Resolves the rules of a scope. For each meter and period it takes the first limit of: the override, the scope's
    /// own limits (an administrator's, then those of an administrator's account, then the file's), the tier, and the
    /// `defaults` of the kind.
    ///
    /// - Parameters:
    ///   - settings: The settings of administrators for the scope.
    ///   - traits: The roles and email address of the user; without effect on other scopes.
    ///   - now: Redis's time, Unix ms; only an override depends on it.
    package func rules(
        for scope: Scope, settings: ScopeSettings = .none, traits: UserTraits = .none, at now: Int64 = .min
    ) -> ScopeRules {
        let choice =
            Self.canHaveTier(scope)
            ? tierChoice(for: scope, assignment: settings.assignment, traits: traits) : nil
        let override = settings.override.flatMap { $0.expiresAt > now ? $0 : nil }
        let account = account(of: scope)
        var limits: [EffectiveLimit] = []
        func add(_ more: [Limit], _ source: EffectiveLimit.Source) {
            for limit in more where !limits.contains(where: { $0.limit.hasSameName(as: limit) }) {
                limits.append(effective(limit, source))
            }
        }
        add(override?.limits ?? [], .override)
        add(settings.limits, .scope(.admin))
        add(account?.limits ?? [], .scope(.admin))
        add(scopes[scope] ?? [], .scope(.file))
        if let choice {
            let tier = choice.tier.tier
            let via = choice.winner.subject
            let source = EffectiveLimit.Source.TierSource(
                id: tier.id, origin: choice.tier.origin,
                // Without the user's name: scopes with equal limits share them.
                via: via.kind == "user" ? "user" : via.id)
            add(tier.limits, .tier(source))
        }
        add(defaults[scope.kind] ?? [], .defaults)
        for addition in override?.additions ?? [] { Self.apply(addition, to: &limits) }
        if let account {
            // A limit that takes precedence over another one, and does not say whose amount counts, leaves that as it is.
            let all = settings.limits + account.limits + (scopes[scope] ?? []) + (defaults[scope.kind] ?? [])
            for index in limits.indices {
                var limit = limits[index].limit
                limit.counts = limit.counts ?? all.first { $0.hasSameName(as: limit) && $0.counts != nil }?.counts
                limits[index].counts = countedSide(of: limit, account)
            }
        }
        let dependsOnTraits = tierDependsOnTraits(of: scope, assignment: settings.assignment)
        return ScopeRules(
            limits: limits.sorted { Limit.precedes($0.limit, $1.limit) },
            calendar: choice?.tier.tier.calendar(over: calendar) ?? account?.calendar ?? calendar,
            choice: choice,
            dependsOnTraits: dependsOnTraits,
            varyingLimits: dependsOnTraits ? varyingLimits(of: scope, settings, override) : [],
            expiresAt: override?.expiresAt)
    }

    /// The account of a scope; nil for other scopes.
    private func account(of scope: Scope) -> Account? {
        accounts.isEmpty || !scope.isAccount ? nil : accounts[scope.parts[0].id]
    }

    /// The names of the limits in all tiers that the user may get, without those that take precedence over tiers.
    private func varyingLimits(of user: Scope, _ settings: ScopeSettings, _ override: Override?) -> [String] {
        let others = (override?.limits ?? []) + settings.limits + (scopes[user] ?? [])
        var varying: [Limit] = []
        for (tier, _) in tiersByTraits(of: user, assignment: settings.assignment) {
            for limit in tier?.tier.limits ?? []
            where !(others + varying).contains(where: { $0.hasSameName(as: limit) }) {
                varying.append(limit)
            }
        }
        return varying.map(\.name).sorted()
    }

    /// The limits of a scope without settings of administrators, and of a user without traits.
    package func limits(for scope: Scope) -> [EffectiveLimit] { rules(for: scope).limits }

    /// Applies an addition to the limit that it names. An absolute limit of the same override is not changed.
    private static func apply(_ addition: Override.Addition, to limits: inout [EffectiveLimit]) {
        let index = limits.firstIndex { $0.limit.meter == addition.meter && $0.limit.period == addition.period }
        guard let index, limits[index].source != .override, let max = limits[index].limit.max else { return }
        limits[index].limit.max = min(max + addition.amount, addition.meter.maxLimit)
        limits[index].source = .override
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

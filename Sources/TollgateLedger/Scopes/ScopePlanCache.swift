package import TollgateCore
package import TollgatePolicy

/// The plans of the scopes seen lately, made from one policy and from what administrators have set. Bounded: two generations of
/// `generationSize` plans; a plan that is used survives, one that is not is gone after two generations. Owned by one event loop.
package final class ScopePlanCache {
    package static let generationSize = 131_072
    /// What was looked up of a scope may be used for so many ticks; from the fewer on it is looked up again while it is used.
    static let freshTicks: UInt32 = 30
    static let agingTicks: UInt32 = 24
    private static let globalText = Array("global".utf8)
    /// Looked up again at a tick; what is past it is when it is asked for.
    static let maxAging = 2_048
    /// A user whose requests name more different roles than that has the least used of their plans made anew.
    static let maxVariants = 8
    /// Limits may differ from scope to scope; past so many sets none are shared with those made before.
    static let maxSets = 16_384

    // What every request reads is without run-time checks of exclusive access, which would be a tenth of its cost: no access
    // lasts longer than a load or a store, or calls back.

    package private(set) var policy: Policy
    private let keySpace: KeySpace
    let generationSize: Int
    private let redisTime: () -> Int64
    private let onDrop: (ScopePlan?) -> Void
    private let isInFillingBatch: (ScopePlan) -> Bool
    /// Called now and then with a scope that requests are about.
    package var onMet: (Scope) -> Void = { _ in }
    /// The kinds whose scopes have to be looked up; nil before that is known, and then nothing can be decided.
    @exclusivity(unchecked) private var kindsWithSettings: Set<ScopeKind>?
    /// Those for which something was set since.
    private var notedKinds: Set<ScopeKind> = []
    /// Changes may have been missed: until the kinds have been read again, scopes of every kind are looked up.
    @exclusivity(unchecked) private var looksUpAllKinds = false
    /// Whether a batch may be ended for the plan that is asked for: for what has waited once already.
    @exclusivity(unchecked) package var mayEndBatch = false
    /// Whether the plan that was asked for last is there, but for the batch which fills: that has another of the same scope.
    @exclusivity(unchecked) package private(set) var mustWaitForBatch = false
    @exclusivity(unchecked) private var young = ScopePlanTable()
    @exclusivity(unchecked) private var old = ScopePlanTable()
    private var sets: [LimitSetKey: LimitSet] = [:]
    @exclusivity(unchecked) private var policyNumber: UInt32 = 1
    @exclusivity(unchecked) private var tick = freshTicks
    private var aging: [ScopePlan] = []
    /// Of the scope that every request has: found without the tables, and never dropped.
    @exclusivity(unchecked) private var global: ScopePlan?
    private let hash = ScopeHash()

    private struct LimitSetKey: Hashable {
        var limits: [EffectiveLimit]
        var history: HistoryRetention?
        /// Of scopes whose history is kept.
        var kind: ScopeKind?
        var calendar: CalendarRules
        var alerts: LimitSet.AlertRules
    }

    /// - Parameters:
    ///   - redisTime: what Redis's clock probably says, Unix ms; asked where an override may have ended.
    ///   - onDrop: called when plans go that may be in a batch which fills: the plan, or nil for any. Another of the same scope
    ///     must not come into that batch.
    ///   - isInFillingBatch: whether a plan is in the batch which fills.
    package init(
        policy: Policy, keySpace: KeySpace, generationSize: Int = ScopePlanCache.generationSize,
        redisTime: @escaping () -> Int64 = { .min }, onDrop: @escaping (ScopePlan?) -> Void = { _ in },
        isInFillingBatch: @escaping (ScopePlan) -> Bool = { _ in false }
    ) {
        kindsWithSettings = policy.kindsWithSettings
        self.isInFillingBatch = isInFillingBatch
        self.redisTime = redisTime
        self.onDrop = onDrop
        self.policy = policy
        self.keySpace = keySpace
        self.generationSize = generationSize
    }

    /// Plans held at present.
    package var count: Int { young.count + old.count }

    /// From now on plans are made from another policy; those there are fitted to it when they are next asked for.
    package func install(_ policy: Policy) {
        self.policy = policy
        policyNumber += 1
        onDrop(nil)
        if let kinds = policy.kindsWithSettings { learn(kinds) }
    }

    /// The kinds of scopes for which something was ever set, as they were read just now.
    package func learn(_ kinds: Set<ScopeKind>) {
        looksUpAllKinds = false
        let kinds = kinds.union(notedKinds)
        // Scopes of these were not looked up so far.
        if let known = kindsWithSettings, !kinds.isSubset(of: known) { forgetAll() }
        kindsWithSettings = kinds.union(kindsWithSettings ?? [])
    }

    // MARK: - Finding

    /// The plan of the scope with that canonical text, by all that is known of it; nil when the bytes are not the text of a
    /// scope. `traits` are those of its user (`UserTraits.bytes`).
    package func plan(forScope text: UnsafeRawBufferPointer, traits: [UInt8] = []) -> ScopePlan? {
        let hash = self.hash(of: text)
        if let plan = find(text, hash: hash) { return fitted(plan, traits, mayEndBatch: true) ?? plan }
        guard let scope = try? Scope(parsing: String(decoding: text, as: UTF8.self)) else { return nil }
        let plan = makePlan(for: scope, hash: hash, traits, ScopeStanding())
        guard plan.hasText(text) else {
            // Not the canonical spelling: to be found under that.
            return plan.withText { self.plan(forScope: $0, traits: traits) }
        }
        keep(plan)
        return plan
    }

    package func plan(for scope: Scope, traits: UserTraits = .none) -> ScopePlan {
        Array(scope.description.utf8).withUnsafeBytes { plan(forScope: $0, traits: traits.bytes) }
            ?? makePlan(for: scope, hash: 0, traits.bytes, ScopeStanding())
    }

    // Other modules call these two and do not take their code in: there, accesses would be checked again.

    /// The same; nil where the scope has to be looked up first, or has to wait for the batch (`mustWaitForBatch`).
    /// `isAskedByRequest`: whether it is a request that asks, and not a report.
    @inline(never)
    package func currentPlan(
        forScope text: UnsafeRawBufferPointer, traits: [UInt8], isAskedByRequest: Bool = false
    ) -> ScopePlan? {
        let hash = self.hash(of: text)
        guard kindsWithSettings != nil, let plan = find(text, hash: hash), isFresh(plan) else {
            return planWithoutLookup(forScope: text, hash: hash, traits, isAskedByRequest)
        }
        return fits(plan, traits) ? plan : fitted(plan, traits, mayEndBatch: mayEndBatch)
    }

    /// The same of the scope that every request has.
    @inline(never)
    package func currentGlobalPlan(isAskedByRequest: Bool = false) -> ScopePlan? {
        guard kindsWithSettings != nil, let global, isFresh(global) else {
            return Self.globalText.withUnsafeBytes {
                planWithoutLookup(forScope: $0, hash: hash(of: $0), [], isAskedByRequest)
            }
        }
        return fits(global, []) ? global : fitted(global, [], mayEndBatch: mayEndBatch)
    }

    /// That of a scope of a kind for which nothing was ever set.
    @inline(never)
    private func planWithoutLookup(
        forScope text: UnsafeRawBufferPointer, hash: Int, _ traits: [UInt8], _ isAskedByRequest: Bool
    ) -> ScopePlan? {
        mustWaitForBatch = false
        guard let kindsWithSettings, !looksUpAllKinds,
            let scope = try? Scope(parsing: String(decoding: text, as: UTF8.self)),
            !kindsWithSettings.contains(scope.kind)
        else { return nil }
        if isAskedByRequest { onMet(scope) }
        guard let plan = find(text, hash: hash) else {
            let plan = makePlan(for: scope, hash: hash, traits, ScopeStanding(lookedUp: tick))
            guard plan.hasText(text) else { return nil }
            keep(plan)
            return plan
        }
        renew(plan, nil)
        return fits(plan, traits) ? plan : fitted(plan, traits, mayEndBatch: mayEndBatch)
    }

    /// Whether something may be set for the scope: for kinds of which nothing was ever set there is nothing to look up.
    package func mayHaveSettings(_ scope: Scope) -> Bool {
        guard let kindsWithSettings, !looksUpAllKinds else { return true }
        return kindsWithSettings.contains(scope.kind)
    }

    /// After the look-up, or where none was needed.
    private func renew(_ plan: ScopePlan, _ settings: SettingsBox?) {
        plan.standing.lookedUp = tick
        plan.standing.isAging = false
        guard plan.standing.settings?.settings != settings?.settings else { return }
        plan.standing.settings = settings
        plan.standing.policyNumber = 0
        plan.standing.others = []
    }

    @inline(__always)
    private func find(_ text: UnsafeRawBufferPointer, hash: Int) -> ScopePlan? {
        if let plan = young.find(text, hash: hash) { return plan }
        if let global, global.hasText(text) { return global }
        guard let plan = old.find(text, hash: hash) else { return nil }
        keep(plan)
        return plan
    }

    @inline(__always)
    private func isFresh(_ plan: ScopePlan) -> Bool {
        // One that was never looked up is as old as the clock.
        let age = tick &- plan.standing.lookedUp
        if age < Self.agingTicks { return true }
        if age >= Self.freshTicks { return false }
        if !plan.standing.isAging, aging.count < Self.maxAging {
            plan.standing.isAging = true
            aging.append(plan)
        }
        return true
    }

    @inline(__always)
    private func fits(_ plan: ScopePlan, _ traits: [UInt8]) -> Bool {
        plan.standing.policyNumber == policyNumber
            && (plan.standing.endsAt == .max || redisTime() < plan.standing.endsAt)
            && (!plan.standing.isUser || areEqual(plan.standing.traits, traits))
    }

    /// Most requests say nothing of their user.
    @inline(__always)
    private func areEqual(_ traits: [UInt8], _ others: [UInt8]) -> Bool {
        traits.count == others.count && (traits.isEmpty || traits == others)
    }

    private func keep(_ plan: ScopePlan) {
        guard !plan.isGlobal else { return global = plan }
        if young.count >= generationSize {
            old = young
            young = ScopePlanTable()
            onDrop(nil)
        }
        young.insert(plan)
    }

    // MARK: - Fitting

    /// The plan of the same scope that fits; takes the place of the one given. Nil where that one is in the batch which fills, and
    /// the batch may not be ended for it: one scope whose requests name different roles would end every batch.
    private func fitted(_ plan: ScopePlan, _ traits: [UInt8], mayEndBatch: Bool) -> ScopePlan? {
        if fits(plan, traits) { return plan }
        let chosen: ScopePlan
        if let other = plan.standing.others.first(where: { fits($0, traits) }) {
            guard mayEndBatch || canLeave(plan) else { return nil }
            return choose(other, insteadOf: plan)
        }
        let rules = rules(for: plan.scope, plan.standing.settings, traits)
        let set = set(for: rules, of: plan.scope)
        if plan.set === set {
            chosen = plan
        } else {
            guard mayEndBatch || canLeave(plan) else { return nil }
            let other =
                plan.standing.others.first { $0.set === set }
                ?? ScopePlan(scope: plan.scope, set: set, keySpace: keySpace, hash: plan.hash)
            chosen = choose(other, insteadOf: plan)
        }
        chosen.standing.policyNumber = policyNumber
        chosen.standing.endsAt = rules.expiresAt ?? .max
        if chosen.standing.isUser { chosen.standing.traits = traits }
        return chosen
    }

    private func canLeave(_ plan: ScopePlan) -> Bool {
        mustWaitForBatch = isInFillingBatch(plan)
        return !mustWaitForBatch
    }

    /// The table has the one that was used last; it leads to those for other traits.
    private func choose(_ plan: ScopePlan, insteadOf last: ScopePlan) -> ScopePlan {
        var others = last.standing.others.filter { $0 !== plan && $0.standing.policyNumber == policyNumber }
        if last.standing.isUser, last.standing.policyNumber == policyNumber { others.insert(last, at: 0) }
        if others.count >= Self.maxVariants { others.removeLast() }
        plan.standing.settings = last.standing.settings
        plan.standing.lookedUp = last.standing.lookedUp
        plan.standing.isAging = last.standing.isAging
        plan.standing.isUser = last.standing.isUser
        plan.standing.others = others
        last.standing.others = []
        if last === global {
            global = plan
        } else {
            young.replace(last, by: plan)
            old.replace(last, by: plan)
        }
        onDrop(last)
        return plan
    }

    private func makePlan(for scope: Scope, hash: Int, _ traits: [UInt8], _ standing: ScopeStanding) -> ScopePlan {
        var standing = standing
        let rules = rules(for: scope, standing.settings, traits)
        standing.policyNumber = policyNumber
        standing.endsAt = rules.expiresAt ?? .max
        standing.isUser = Policy.canHaveTier(scope)
        if standing.isUser { standing.traits = traits }
        return ScopePlan(
            scope: scope, set: set(for: rules, of: scope), keySpace: keySpace, hash: hash, standing: standing)
    }

    func rules(for scope: Scope, _ settings: SettingsBox?, _ traits: [UInt8]) -> ScopeRules {
        policy.rules(
            for: scope, settings: settings?.settings ?? .none, traits: UserTraits(bytes: traits),
            at: settings?.settings.override == nil ? .min : redisTime())
    }

    /// What holds for a scope by all that is known of it.
    package func rules(for scope: Scope, _ traits: UserTraits) -> ScopeRules {
        let settings = plan(for: scope, traits: traits).standing.settings
        return rules(for: scope, settings, traits.bytes)
    }

    private func set(for rules: ScopeRules, of scope: Scope) -> LimitSet {
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

    // MARK: - What administrators have set

    /// What a look-up has found.
    package func learn(_ settings: ScopeSettings, of scope: Scope) {
        Array(scope.description.utf8).withUnsafeBytes { text in
            let hash = self.hash(of: text)
            let box = settings == .none ? nil : SettingsBox(settings)
            guard let plan = find(text, hash: hash) else {
                let standing = ScopeStanding(settings: box, lookedUp: tick)
                return keep(makePlan(for: scope, hash: hash, [], standing))
            }
            renew(plan, box)
        }
    }

    /// What was looked up of a scope does not hold any more.
    package func forget(_ scope: Scope) {
        Array(scope.description.utf8).withUnsafeBytes { text in
            let hash = self.hash(of: text)
            for plan in [global, young.find(text, hash: hash), old.find(text, hash: hash)] {
                if let plan, plan.hasText(text) { plan.standing.lookedUp = 0 }
            }
        }
    }

    /// Something was set for a scope of the kind, maybe for the first time: from now on its scopes are looked up.
    package func noteSettings(of kind: ScopeKind) {
        notedKinds.insert(kind)
        guard kindsWithSettings?.insert(kind).inserted == true else { return }
        forgetAll()
    }

    /// Changes may have been missed.
    package func forgetAllAndKinds() {
        looksUpAllKinds = true
        forgetAll()
    }

    /// Nothing that was looked up holds any more.
    package func forgetAll() {
        tick += Self.freshTicks
        aging.removeAll()
    }

    /// To be called every so often; returns the scopes in use that are to be looked up again before they are too old.
    package func advanceTick() -> [Scope] {
        tick += 1
        defer { aging.removeAll() }
        var scopes: Set<Scope> = []
        for plan in aging where plan.standing.isAging {
            let scope = plan.scope
            onMet(scope)
            if kindsWithSettings?.contains(scope.kind) == false {
                renew(plan, nil)
            } else {
                scopes.insert(scope)
            }
        }
        return Array(scopes)
    }
}

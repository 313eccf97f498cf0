package import TollgateCore
package import TollgatePolicy

/// The plans of recently used scopes, made from one policy and from what administrators have set.
///
/// A plan is fresh, and is returned without a lookup, if its scope was looked up less than ``freshTicks`` ticks ago. A
/// user whose requests name different roles has a plan for each limit set that follows.
///
/// A plan of a scope that requests may not name never fits the policy (its number is 0). So the fast path of requests
/// does not check kinds.
///
/// Owned by one event loop.
package final class ScopePlanCache {
    package static let generationSize = 131_072
    /// The number of ticks for which a lookup is valid.
    static let freshTicks: UInt32 = 30
    /// The number of ticks after which a scope in use is looked up again.
    static let agingTicks: UInt32 = 24
    private static let globalText = Array("global".utf8)
    /// The maximum number of scopes that are looked up again at a tick. Scopes beyond it are looked up when they are used.
    static let maxAging = 2_048
    /// The maximum number of plans of a user. Beyond it the least recently used one is discarded, and rebuilt when
    /// needed.
    static let maxVariants = 8

    // What every request reads is without run-time checks of exclusive access, which would be a tenth of its cost: no access
    // lasts longer than a load or a store, or calls back.

    @exclusivity(unchecked) private var plans: PlanGenerations
    private var builder: PlanBuilder
    private let redisTime: () -> Int64
    private let onDrop: (ScopePlan?) -> Void
    private let isInFillingBatch: (ScopePlan) -> Bool
    /// Called with a scope that a request uses: with the first use after each lookup of the scope, so every five minutes.
    package var onMet: (Scope) -> Void = { _ in }
    /// The kinds whose scopes have to be looked up; nil until that is known: then nothing can be decided.
    @exclusivity(unchecked) private var kindsWithSettings: Set<ScopeKind>?
    /// The kinds for which something was set since.
    private var notedKinds: Set<ScopeKind> = []
    /// The kinds that requests may name.
    package private(set) var knownKinds: KnownKinds
    /// The kinds that requests have named, including composite ones.
    package internal(set) var namedKinds: Set<ScopeKind> = []
    /// Whether changes may have been missed. Until the kinds have been read again, scopes of every kind are looked up.
    @exclusivity(unchecked) private var looksUpAllKinds = false
    /// Whether a batch may be closed for the plan that is requested: true for a request that has waited once already.
    @exclusivity(unchecked) package var mayCloseBatch = false
    /// Whether the last requested plan is known but the batch that is filling has another plan of its scope.
    @exclusivity(unchecked) package private(set) var mustWaitForBatch = false
    @exclusivity(unchecked) private var policyNumber: UInt32 = 1
    @exclusivity(unchecked) private var tick = freshTicks
    private var aging: [ScopePlan] = []

    /// - Parameters:
    ///   - redisTime: Returns the estimated time of Redis's clock, Unix ms. Called where an override may have expired.
    ///   - onDrop: Called when plans go that may be in the batch that is filling: the plan, or nil for any. Another plan of
    ///     the scope must not join that batch.
    ///   - isInFillingBatch: Returns whether a plan is in the batch that is filling.
    package init(
        policy: Policy, keySpace: KeySpace, generationSize: Int = ScopePlanCache.generationSize,
        redisTime: @escaping () -> Int64 = { .min }, onDrop: @escaping (ScopePlan?) -> Void = { _ in },
        isInFillingBatch: @escaping (ScopePlan) -> Bool = { _ in false }
    ) {
        kindsWithSettings = policy.kindsWithSettings
        knownKinds = policy.knownKinds
        self.isInFillingBatch = isInFillingBatch
        self.redisTime = redisTime
        self.onDrop = onDrop
        builder = PlanBuilder(policy: policy, keySpace: keySpace, redisTime: redisTime)
        plans = PlanGenerations(size: generationSize) { onDrop(nil) }
    }

    /// The policy that plans are made from.
    package var policy: Policy { builder.policy }

    /// The number of plans in the cache.
    package var count: Int { plans.count }

    /// The maximum number of plans in a generation.
    var generationSize: Int { plans.size }

    /// Makes plans from another policy from now on. Existing plans are fitted to it when they are next used.
    package func install(_ policy: Policy) {
        builder.policy = policy
        policyNumber += 1
        onDrop(nil)
        if let kinds = policy.kindsWithSettings { learn(kinds) } else { updateKnownKinds() }
    }

    /// Updates the kinds that requests may name. Plans of kinds that became known are fitted when they are next used.
    private func updateKnownKinds() {
        knownKinds = KnownKinds(policy, kindsWithSettings: kindsWithSettings)
    }

    // MARK: - Finding

    /// Returns the plan of a scope by all that is known of it, or nil if the bytes are not the text of a scope.
    ///
    /// - Parameter traits: The traits of its user (`UserTraits.bytes`).
    package func plan(forScope text: UnsafeRawBufferPointer, traits: [UInt8] = []) -> ScopePlan? {
        let hash = plans.hash(of: text)
        if let plan = plans.find(text, hash: hash) { return fitted(plan, traits, mayCloseBatch: true) ?? plan }
        guard let scope = try? Scope(parsing: String(decoding: text, as: UTF8.self)) else { return nil }
        let plan = makePlan(for: scope, hash: hash, traits, ScopeStanding())
        guard plan.hasText(text) else {
            // Not the canonical spelling: found under that.
            return plan.withText { self.plan(forScope: $0, traits: traits) }
        }
        plans.insert(plan)
        return plan
    }

    package func plan(for scope: Scope, traits: UserTraits = .none) -> ScopePlan {
        Array(scope.description.utf8).withUnsafeBytes { plan(forScope: $0, traits: traits.bytes) }
            ?? makePlan(for: scope, hash: 0, traits.bytes, ScopeStanding())
    }

    // Other modules call these two functions and do not inline them: there, accesses would be checked again.

    /// Returns the plan of a scope, or nil if the scope has to be looked up first or has to wait for the batch that is
    /// filling (``mustWaitForBatch``).
    ///
    /// - Parameter isAskedByRequest: Whether a request asks, and not a report or the end of a reservation. A request
    ///   gets no plan of a scope that it may not name (``knownKinds``).
    @inline(never)
    package func currentPlan(
        forScope text: UnsafeRawBufferPointer, traits: [UInt8], isAskedByRequest: Bool = false
    ) -> ScopePlan? {
        let hash = plans.hash(of: text)
        guard kindsWithSettings != nil, let plan = plans.find(text, hash: hash), isFresh(plan) else {
            return planWithoutLookup(forScope: text, hash: hash, traits, isAskedByRequest)
        }
        if isAskedByRequest, !plan.isNamed { noteUse(of: plan) }
        if fits(plan, traits) { return plan }
        if isAskedByRequest, !knownKinds.admits(plan.scope) { return nil }
        return fitted(plan, traits, mayCloseBatch: mayCloseBatch)
    }

    /// Returns the plan of `global`, under the conditions of ``currentPlan(forScope:traits:isAskedByRequest:)``.
    @inline(never)
    package func currentGlobalPlan(isAskedByRequest: Bool = false) -> ScopePlan? {
        guard kindsWithSettings != nil, let global = plans.global, isFresh(global) else {
            return Self.globalText.withUnsafeBytes {
                planWithoutLookup(forScope: $0, hash: plans.hash(of: $0), [], isAskedByRequest)
            }
        }
        if isAskedByRequest, !global.isNamed { noteUse(of: global) }
        return fits(global, []) ? global : fitted(global, [], mayCloseBatch: mayCloseBatch)
    }

    /// Returns the plan of a scope whose kind never had any settings, and nil for other scopes.
    @inline(never)
    private func planWithoutLookup(
        forScope text: UnsafeRawBufferPointer, hash: Int, _ traits: [UInt8], _ isAskedByRequest: Bool
    ) -> ScopePlan? {
        mustWaitForBatch = false
        guard let kindsWithSettings, !looksUpAllKinds,
            let scope = try? Scope(parsing: String(decoding: text, as: UTF8.self)),
            !kindsWithSettings.contains(scope.kind), !isAskedByRequest || knownKinds.admits(scope)
        else { return nil }
        let found = plans.find(text, hash: hash)
        let plan = found ?? makePlan(for: scope, hash: hash, traits, ScopeStanding(lookedUp: tick))
        guard found != nil || plan.hasText(text) else { return nil }
        if found == nil { plans.insert(plan) } else { renew(plan, nil) }
        if isAskedByRequest { noteUse(of: plan) }
        return fits(plan, traits) ? plan : fitted(plan, traits, mayCloseBatch: mayCloseBatch)
    }

    // MARK: - Fitting

    @inline(__always)
    private func fits(_ plan: ScopePlan, _ traits: [UInt8]) -> Bool {
        plan.standing.policyNumber == policyNumber
            && (plan.standing.endsAt == .max || redisTime() < plan.standing.endsAt)
            && (!plan.standing.isUser || areEqual(plan.standing.traits, traits))
    }

    /// Compares traits. Most requests have none.
    @inline(__always)
    private func areEqual(_ traits: [UInt8], _ others: [UInt8]) -> Bool {
        traits.count == others.count && (traits.isEmpty || traits == others)
    }

    /// Returns the plan of the scope that matches `traits`, and makes it the current one. Returns nil if the given plan
    /// is in the open batch and that batch may not be closed; otherwise a scope whose requests name different roles
    /// would close every batch.
    private func fitted(_ plan: ScopePlan, _ traits: [UInt8], mayCloseBatch: Bool) -> ScopePlan? {
        if fits(plan, traits) { return plan }
        let chosen: ScopePlan
        if let other = plan.standing.others.first(where: { fits($0, traits) }) {
            guard mayCloseBatch || canLeave(plan) else { return nil }
            return choose(other, insteadOf: plan)
        }
        let rules = builder.rules(for: plan.scope, settings: plan.standing.settings, traits: traits)
        let set = builder.set(for: rules, of: plan.scope)
        if plan.set === set {
            chosen = plan
        } else {
            guard mayCloseBatch || canLeave(plan) else { return nil }
            let other = plan.standing.others.first { $0.set === set } ?? builder.variant(of: plan, set: set)
            chosen = choose(other, insteadOf: plan)
        }
        chosen.standing.policyNumber = number(for: plan.scope)
        chosen.standing.endsAt = rules.expiresAt ?? .max
        if chosen.standing.isUser { chosen.standing.traits = traits }
        return chosen
    }

    private func canLeave(_ plan: ScopePlan) -> Bool {
        mustWaitForBatch = isInFillingBatch(plan)
        return !mustWaitForBatch
    }

    /// Makes a plan the current one of its scope. The table holds the current plan, which links to the others.
    private func choose(_ plan: ScopePlan, insteadOf last: ScopePlan) -> ScopePlan {
        var others = last.standing.others.filter { $0 !== plan && $0.standing.policyNumber == policyNumber }
        if last.standing.isUser, last.standing.policyNumber == policyNumber { others.insert(last, at: 0) }
        if others.count >= Self.maxVariants { others.removeLast() }
        plan.standing.settings = last.standing.settings
        plan.standing.lookedUp = last.standing.lookedUp
        plan.standing.isAging = last.standing.isAging
        plan.standing.isUser = last.standing.isUser
        plan.standing.others = others
        plan.isNamed = last.isNamed
        last.standing.others = []
        plans.replace(last, by: plan)
        onDrop(last)
        return plan
    }

    private func makePlan(for scope: Scope, hash: Int, _ traits: [UInt8], _ standing: ScopeStanding) -> ScopePlan {
        builder.plan(for: scope, hash: hash, traits: traits, standing: standing, policyNumber: number(for: scope))
    }

    /// The number of the policy for the plan of a scope; 0 if requests may not name it.
    private func number(for scope: Scope) -> UInt32 { knownKinds.admits(scope) ? policyNumber : 0 }

    func rules(for scope: Scope, _ settings: SettingsBox?, _ traits: [UInt8]) -> ScopeRules {
        builder.rules(for: scope, settings: settings, traits: traits)
    }

    func limitSet(for rules: ScopeRules, of scope: Scope) -> LimitSet { builder.set(for: rules, of: scope) }

    /// Returns the rules of a scope by all that is known of it.
    package func rules(for scope: Scope, _ traits: UserTraits) -> ScopeRules {
        let settings = plan(for: scope, traits: traits).standing.settings
        return rules(for: scope, settings, traits.bytes)
    }

    // MARK: - Settings and their freshness

    /// Whether administrators may have set something for the scope. For kinds without settings there is nothing to look up.
    package func mayHaveSettings(_ scope: Scope) -> Bool {
        guard let kindsWithSettings, !looksUpAllKinds else { return true }
        return kindsWithSettings.contains(scope.kind)
    }

    @inline(__always)
    private func isFresh(_ plan: ScopePlan) -> Bool {
        // A plan that was never looked up is as old as the clock.
        let age = tick &- plan.standing.lookedUp
        if age < Self.agingTicks { return true }
        if age >= Self.freshTicks { return false }
        if !plan.standing.isAging, aging.count < Self.maxAging {
            plan.standing.isAging = true
            aging.append(plan)
        }
        return true
    }

    /// Records the result of a lookup, or that none is needed.
    private func renew(_ plan: ScopePlan, _ settings: SettingsBox?) {
        plan.standing.lookedUp = tick
        plan.standing.isAging = false
        plan.isNamed = false
        guard plan.standing.settings?.settings != settings?.settings else { return }
        plan.standing.settings = settings
        // Fitted again when it is next used.
        plan.standing.policyNumber = 0
        plan.standing.others = []
    }

    /// Updates the kinds of scopes that have settings, as they were just read.
    package func learn(_ kinds: Set<ScopeKind>) {
        looksUpAllKinds = false
        let kinds = kinds.union(notedKinds)
        // Scopes of new kinds were not looked up so far.
        if let known = kindsWithSettings, !kinds.isSubset(of: known) { forgetAll() }
        kindsWithSettings = kinds.union(kindsWithSettings ?? [])
        updateKnownKinds()
    }

    /// Replaces the settings of a scope by those that a lookup has found.
    package func learn(_ settings: ScopeSettings, of scope: Scope) {
        Array(scope.description.utf8).withUnsafeBytes { text in
            let hash = plans.hash(of: text)
            let box = settings == .none ? nil : SettingsBox(settings)
            guard let plan = plans.find(text, hash: hash) else {
                let standing = ScopeStanding(settings: box, lookedUp: tick)
                return plans.insert(makePlan(for: scope, hash: hash, [], standing))
            }
            renew(plan, box)
        }
    }

    /// Invalidates the settings of a scope.
    package func forget(_ scope: Scope) {
        Array(scope.description.utf8).withUnsafeBytes { text in
            plans.forEachPlan(of: text) { $0.standing.lookedUp = 0 }
        }
    }

    /// Adds a kind to those that have settings. Its scopes are looked up from now on.
    package func noteSettings(of kind: ScopeKind) {
        notedKinds.insert(kind)
        guard kindsWithSettings?.insert(kind).inserted == true else { return }
        updateKnownKinds()
        forgetAll()
    }

    /// Invalidates all lookups, and looks up scopes of all kinds. Called when changes may have been missed.
    package func forgetAllAndKinds() {
        looksUpAllKinds = true
        forgetAll()
    }

    /// Invalidates all lookups.
    package func forgetAll() {
        tick += Self.freshTicks
        aging.removeAll()
    }

    /// Advances the clock of freshness. Returns the scopes in use that are to be looked up again before they are too old.
    package func advanceTick() -> [Scope] {
        tick += 1
        defer { aging.removeAll() }
        var scopes: Set<Scope> = []
        for plan in aging where plan.standing.isAging {
            let scope = plan.scope
            if kindsWithSettings?.contains(scope.kind) == false {
                renew(plan, nil)
            } else {
                scopes.insert(scope)
            }
        }
        return Array(scopes)
    }
}

package import TollgateCore
package import TollgateLedger
import TollgatePolicy
package import TollgateWire

/// Finds the scopes that a request is about: those it names, the composite ones the policy knows for their kinds, and
/// `global`. Owned by one event loop.
package struct ScopeResolver {
    /// What a request names, as ranges of bytes.
    package struct Names {
        var fields: [Request.ScopeField]
        var roles: Range<Int>?
        var email: Range<Int>?

        package init(fields: [Request.ScopeField], roles: Range<Int>? = nil, email: Range<Int>? = nil) {
            self.fields = fields
            self.roles = roles
            self.email = email
        }
    }

    let cache: ScopePlanCache
    private var composites: [[[UInt8]]] = []
    /// Without tiers nobody's limits depend on what is said of users.
    private var hasTiers = false
    private var text: [UInt8] = []
    /// What the last request said of its user (`UserTraits.bytes`).
    private(set) var traits: [UInt8] = []
    /// Whether the last request has to wait until the batch which fills has been sent.
    private(set) var mustWaitForBatch = false
    /// The scopes of the last request that have to be looked up before it can be decided.
    private(set) var unknown: [Scope] = []
    /// Scopes that requests were decided about, and how often one had to be looked up for that.
    private(set) var resolved = 0
    private(set) var lookedUp = 0

    package init(cache: ScopePlanCache) {
        self.cache = cache
        policyChanged()
    }

    /// After another policy has been installed in the cache.
    mutating func policyChanged() {
        composites = cache.policy.compositeKinds.map { $0.names.map { Array("\($0):".utf8) } }
        hasTiers = !cache.policy.tiers.isEmpty
    }

    /// Fills `plans` with every scope that has a part in a request, without those that change nothing. False where some have
    /// to be looked up first (`unknown`), or the request has to wait for the batch.
    ///
    /// - Parameter keepsInert: whether the others are wanted too. A COMMIT or CANCEL ends what is held of them, by limits
    ///   that they had when it was reserved.
    package mutating func resolve(
        _ names: Names, of bytes: GrowingBytes, keepsInert: Bool = false, into plans: inout [ScopePlan]
    ) -> Bool {
        if !unknown.isEmpty { unknown.removeAll(keepingCapacity: true) }
        mustWaitForBatch = false
        if names.roles != nil || names.email != nil || !traits.isEmpty { setTraits(names, bytes) }
        var (found, filled) = (0, 0)
        // Held once, and not anew for each scope.
        let cache = cache
        let userTraits = hasTiers ? traits : []
        bytes.withBytes { bytes in
            for field in names.fields {
                let text = UnsafeRawBufferPointer(rebasing: bytes[field.text])
                if let plan = cache.currentPlan(forScope: text, traits: userTraits, isAskedByRequest: true) {
                    found += 1
                    if keepsInert || !plan.isInert { put(plan, into: &plans, at: &filled) }
                } else {
                    miss(text)
                }
            }
        }
        for kinds in composites where join(kinds, names.fields, bytes) {
            text.withUnsafeBytes { text in
                if let plan = cache.currentPlan(forScope: text, traits: traits, isAskedByRequest: true) {
                    found += 1
                    if keepsInert || !plan.isInert { put(plan, into: &plans, at: &filled) }
                } else {
                    miss(text)
                }
            }
        }
        if let global = cache.currentGlobalPlan(isAskedByRequest: true) {
            found += 1
            if keepsInert || !global.isInert { put(global, into: &plans, at: &filled) }
        } else {
            miss(scope: .global)
        }
        while plans.count > filled { plans.removeLast() }
        guard unknown.isEmpty, !mustWaitForBatch else { return false }
        resolved &+= found
        return true
    }

    /// Puts a plan into the place of one of the request before: less work than to empty the array and to fill it again.
    @inline(__always)
    private func put(_ plan: consuming ScopePlan, into plans: inout [ScopePlan], at place: inout Int) {
        if place < plans.count { plans[place] = plan } else { plans.append(plan) }
        place += 1
    }

    /// The same by what is known of the scopes, for a request whose scopes cannot be looked up now; also those that would change
    /// nothing.
    mutating func resolveUnknown(_ names: Names, of bytes: GrowingBytes, into plans: inout [ScopePlan]) {
        plans.removeAll(keepingCapacity: true)
        setTraits(names, bytes)
        for field in names.fields {
            let plan = bytes[field.text].withUnsafeBytes { cache.plan(forScope: $0, traits: traits) }
            if let plan { plans.append(plan) }
        }
        for kinds in composites where join(kinds, names.fields, bytes) {
            if let plan = text.withUnsafeBytes({ cache.plan(forScope: $0, traits: traits) }) { plans.append(plan) }
        }
        plans.append(cache.plan(for: .global))
    }

    /// The plan of one scope; nil where it has to be looked up first.
    mutating func currentPlan(of scope: Scope, _ traits: UserTraits) -> ScopePlan? {
        let traits = hasTiers ? traits.bytes : []
        let plan = Array(scope.description.utf8).withUnsafeBytes { cache.currentPlan(forScope: $0, traits: traits) }
        mustWaitForBatch = plan == nil && cache.mustWaitForBatch
        if plan != nil { resolved &+= 1 } else if !mustWaitForBatch { lookedUp &+= 1 }
        return plan
    }

    // Not within the code of `resolve`, which would read ahead what only this needs.
    @inline(never)
    private mutating func miss(_ text: UnsafeRawBufferPointer) {
        if let scope = try? Scope(parsing: String(decoding: text, as: UTF8.self)) { miss(scope: scope) }
    }

    @inline(never)
    private mutating func miss(scope: Scope) {
        guard !cache.mustWaitForBatch else { return mustWaitForBatch = true }
        cache.onMet(scope)
        lookedUp &+= 1
        unknown.append(scope)
    }

    private mutating func setTraits(_ names: Names, _ bytes: GrowingBytes) {
        traits.removeAll(keepingCapacity: true)
        guard names.roles != nil || names.email != nil else { return }
        if let roles = names.roles { traits.append(contentsOf: bytes[roles]) }
        traits.append(UInt8(ascii: "\n"))
        if let email = names.email { traits.append(contentsOf: bytes[email]) }
    }

    /// Puts the joined scope into `text` where the request names all of the kinds.
    private mutating func join(_ kinds: [[UInt8]], _ fields: [Request.ScopeField], _ bytes: GrowingBytes) -> Bool {
        text.removeAll(keepingCapacity: true)
        for kind in kinds {
            guard let field = fields.first(where: { bytes[$0.text].starts(with: kind) }) else { return false }
            if !text.isEmpty { text.append(UInt8(ascii: "+")) }
            text.append(contentsOf: bytes[field.text])
        }
        return true
    }
}

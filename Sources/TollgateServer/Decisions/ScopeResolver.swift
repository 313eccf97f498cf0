package import TollgateCore
package import TollgateLedger
import TollgatePolicy
package import TollgateWire

/// Finds the scopes of a request: those that it names, the composite scopes that the policy has for their kinds, and
/// `global`. Owned by one event loop.
package struct ScopeResolver {
    /// The scopes, roles and email that a request names, as ranges of its bytes.
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

    /// The reason for which scopes are resolved.
    package enum Purpose {
        /// A CHECK or PEEK.
        case decision
        /// A RESERVE.
        case reservation
        /// A RECORD or REFUND.
        case usage
        /// A COMMIT or CANCEL. Its scopes were accepted before, and the policy may have changed since. Inert scopes are
        /// kept: they may have had limits when the amounts were reserved.
        case end
    }

    /// The reason why a request is not carried out with the scopes that it names.
    enum Fault: Equatable {
        /// The kind is not known.
        case unknownKind(String)
        /// The request names no scope, and is none for `global`.
        case namesNoScope
        /// An id has to be folded to lower case first.
        case needsFolding
    }

    let cache: ScopePlanCache
    private var composites: [[[UInt8]]] = []
    /// Without tiers no limit depends on the traits of a user.
    private var hasTiers = false
    private var text: [UInt8] = []
    /// The traits of the user in the last request (`UserTraits.bytes`).
    private(set) var traits: [UInt8] = []
    /// Whether the last request cannot be carried out yet. The next three properties say why.
    private var isIncomplete = false
    /// Whether the last request has to wait until the filling batch has been sent.
    private(set) var mustWaitForBatch = false
    /// The scopes of the last request that have to be looked up before it can be decided.
    private(set) var scopesToLookUp: [Scope] = []
    /// The fault of the last request.
    private(set) var fault: Fault?
    /// The decisions to which no limit applied.
    var unlimited = UnlimitedDecisions()
    /// The number of scopes that were resolved for requests, and the number of lookups that this took.
    private(set) var resolved = 0
    private(set) var lookedUp = 0

    package init(cache: ScopePlanCache) {
        self.cache = cache
        policyChanged()
    }

    /// Adopts the policy that has been installed in the cache.
    mutating func policyChanged() {
        composites = cache.policy.compositeKinds.map { $0.names.map { Array("\($0):".utf8) } }
        hasTiers = !cache.policy.tiers.isEmpty
    }

    /// Fills `plans` with the scopes of a request, without the inert ones. Returns false if the request cannot be carried
    /// out yet: it has a `fault`, some scopes have to be looked up first (`scopesToLookUp`), or it has to wait for the
    /// batch.
    package mutating func resolve(
        _ names: Names, of bytes: GrowingBytes, for purpose: Purpose = .decision, into plans: inout [ScopePlan]
    ) -> Bool {
        isIncomplete = false
        if names.roles != nil || names.email != nil || !traits.isEmpty { setTraits(names, bytes) }
        var (found, filled, isLimited) = (0, 0, false)
        let isReservation = purpose == .reservation
        // One retain for all scopes.
        let cache = cache
        let userTraits = hasTiers ? traits : []
        let isRequest = purpose != .end
        bytes.withBytes { bytes in
            for field in names.fields {
                let text = UnsafeRawBufferPointer(rebasing: bytes[field.text])
                if let plan = cache.currentPlan(forScope: text, traits: userTraits, isAskedByRequest: isRequest) {
                    found += 1
                    isLimited = isLimited || (isReservation ? plan.limitsReservations : plan.limitsChecks)
                    if !isRequest || !plan.isInert { put(plan, into: &plans, at: &filled) }
                } else {
                    miss(text, isRequest)
                }
            }
        }
        for kinds in composites where join(kinds, names.fields, bytes) {
            text.withUnsafeBytes { text in
                if let plan = cache.currentPlan(forScope: text, traits: traits, isAskedByRequest: isRequest) {
                    found += 1
                    isLimited = isLimited || (isReservation ? plan.limitsReservations : plan.limitsChecks)
                    if !isRequest || !plan.isInert { put(plan, into: &plans, at: &filled) }
                } else {
                    miss(text, isRequest)
                }
            }
        }
        if let global = cache.currentGlobalPlan(isAskedByRequest: isRequest) {
            found += 1
            isLimited = isLimited || (isReservation ? global.limitsReservations : global.limitsChecks)
            if !isRequest || !global.isInert { put(global, into: &plans, at: &filled) }
        } else {
            miss(scope: .global)
        }
        while plans.count > filled { plans.removeLast() }
        guard !isIncomplete else { return false }
        resolved &+= found
        if isLimited, !names.fields.isEmpty { return true }
        return acceptsUncommon(names, bytes, purpose, plans, isLimited: isLimited)
    }

    /// Counts a decision to which no limit applies. Returns false if the request names no scope, unless it is one for
    /// `global`: a decision that a limit of it can deny, or usage that it counts.
    @inline(never)
    private mutating func acceptsUncommon(
        _ names: Names, _ bytes: GrowingBytes, _ purpose: Purpose, _ plans: [ScopePlan], isLimited: Bool
    ) -> Bool {
        guard purpose != .end else { return true }
        if names.fields.isEmpty {
            let isForGlobal = purpose == .usage ? !plans.isEmpty : isLimited && plans.contains(where: \.canDeny)
            guard isForGlobal else {
                noteMiss()
                fault = .namesNoScope
                return false
            }
        }
        if !isLimited, purpose != .usage { unlimited.count(names.fields, bytes) }
        return true
    }

    /// Overwrites a plan of the previous request, which is cheaper than to empty and to refill the array.
    @inline(__always)
    private func put(_ plan: consuming ScopePlan, into plans: inout [ScopePlan], at index: inout Int) {
        if index < plans.count { plans[index] = plan } else { plans.append(plan) }
        index += 1
    }

    /// Fills `plans` with the cached plans of a request's scopes, even stale ones. Used when a lookup has failed. Keeps
    /// inert scopes.
    mutating func resolveFromCache(_ names: Names, of bytes: GrowingBytes, into plans: inout [ScopePlan]) {
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

    /// Returns the plan of a scope; nil if the scope has to be looked up first.
    mutating func currentPlan(of scope: Scope, _ traits: UserTraits) -> ScopePlan? {
        let traits = hasTiers ? traits.bytes : []
        let plan = Array(scope.description.utf8).withUnsafeBytes { cache.currentPlan(forScope: $0, traits: traits) }
        mustWaitForBatch = plan == nil && cache.mustWaitForBatch
        if plan != nil { resolved &+= 1 } else if !mustWaitForBatch { lookedUp &+= 1 }
        return plan
    }

    // Never inlined: `resolve` would load early what only a miss needs.
    @inline(never)
    private mutating func miss(_ text: UnsafeRawBufferPointer, _ isRequest: Bool) {
        guard let scope = try? Scope(parsing: String(decoding: text, as: UTF8.self)) else { return }
        if isRequest, let found = fault(of: scope) {
            noteMiss()
            return fault = fault ?? found
        }
        // The lookup may fail, after which the request is answered without its plan.
        if isRequest { cache.noteName(of: scope) }
        miss(scope: scope)
    }

    @inline(never)
    private mutating func miss(scope: Scope) {
        noteMiss()
        guard !cache.mustWaitForBatch else { return mustWaitForBatch = true }
        lookedUp &+= 1
        scopesToLookUp.append(scope)
    }

    /// Marks the request as incomplete, and removes the reasons of the last one.
    private mutating func noteMiss() {
        guard !isIncomplete else { return }
        isIncomplete = true
        mustWaitForBatch = false
        fault = nil
        scopesToLookUp.removeAll(keepingCapacity: true)
    }

    /// The fault of the last request; nil if it has none, and scopes have to be looked up.
    var currentFault: Fault? { isIncomplete ? fault : nil }

    /// The error of a request whose lookups failed, if it names a kind that is not in the policy file. The
    /// administrators' settings, which may name it, are not known then.
    func undecidedKind(in names: Names, _ bytes: GrowingBytes) -> RequestError? {
        for field in names.fields {
            let kind = String(decoding: bytes[field.kind], as: UTF8.self)
            if cache.knownKinds.standing(of: kind) == .undecided {
                return RequestError(.unavailable, "\(kind): \(KnownKinds.undecidedExplanation)")
            }
        }
        return nil
    }

    /// The fault of a scope that a request names. A kind that the administrators' settings may name has none: the scope
    /// is looked up, after which these settings are known.
    private func fault(of scope: Scope) -> Fault? {
        if let (kind, standing) = cache.knownKinds.firstUnknown(in: scope.kind), standing == .unknown {
            return .unknownKind(kind)
        }
        return cache.knownKinds.changes(scope) ? .needsFolding : nil
    }

    private mutating func setTraits(_ names: Names, _ bytes: GrowingBytes) {
        traits.removeAll(keepingCapacity: true)
        guard names.roles != nil || names.email != nil else { return }
        if let roles = names.roles { traits.append(contentsOf: bytes[roles]) }
        traits.append(UInt8(ascii: "\n"))
        if let email = names.email { traits.append(contentsOf: bytes[email]) }
    }

    /// Writes the composite scope to `text` if the request names all of its kinds.
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

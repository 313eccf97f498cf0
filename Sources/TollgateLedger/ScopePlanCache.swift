package import TollgateCore

/// The plans of the scopes seen lately, made from one policy. Bounded: two generations of `generationSize` plans; a plan that
/// is used survives, one that is not is gone after two generations. Owned by one event loop.
package final class ScopePlanCache {
    package static let generationSize = 131_072

    package let policy: Policy
    private let namespace: String
    let generationSize: Int
    private let onDrop: () -> Void
    // Without run-time checks of exclusive access, as in Batch: finding and inserting call nobody back.
    @exclusivity(unchecked) private var young = ScopePlanTable()
    @exclusivity(unchecked) private var old = ScopePlanTable()
    private var sets: [LimitSetKey: LimitSet] = [:]
    /// So that nobody can choose ids which all fall into one place.
    private let seed = UInt64.random(in: .min ... .max)

    private struct LimitSetKey: Hashable {
        var limits: [EffectiveLimit]
        var keepsHistory: Bool
    }

    /// `onDrop` is called when plans are forgotten that may be made anew: from then on two plans of one scope can be about.
    package init(
        policy: Policy, namespace: String, generationSize: Int = ScopePlanCache.generationSize,
        onDrop: @escaping () -> Void = {}
    ) {
        self.onDrop = onDrop
        self.policy = policy
        self.namespace = namespace
        self.generationSize = generationSize
    }

    /// Plans held at present.
    package var count: Int { young.count + old.count }

    /// The plan of the scope with that canonical text; nil when the bytes are not the text of a scope.
    package func plan(forScope text: UnsafeRawBufferPointer) -> ScopePlan? {
        let hash = hash(of: text)
        if let plan = young.find(text, hash: hash) { return plan }
        if let plan = old.find(text, hash: hash) {
            keep(plan)
            return plan
        }
        guard let scope = try? Scope(parsing: String(decoding: text, as: UTF8.self)) else { return nil }
        let plan = makePlan(for: scope, hash: hash)
        guard plan.hasText(text) else {
            // Not the canonical spelling: to be found under that.
            return plan.withText { self.plan(forScope: $0) }
        }
        keep(plan)
        return plan
    }

    package func plan(for scope: Scope) -> ScopePlan {
        Array(scope.description.utf8).withUnsafeBytes { plan(forScope: $0) } ?? makePlan(for: scope, hash: 0)
    }

    private func keep(_ plan: ScopePlan) {
        if young.count >= generationSize {
            old = young
            young = ScopePlanTable()
            onDrop()
        }
        young.insert(plan)
    }

    private func makePlan(for scope: Scope, hash: Int) -> ScopePlan {
        let key = LimitSetKey(limits: policy.limits(for: scope), keepsHistory: policy.keepsHistory(of: scope))
        let set = sets[key] ?? LimitSet(limits: key.limits, keepsHistory: key.keepsHistory, rules: policy.calendar)
        sets[key] = set
        return ScopePlan(scope: scope, set: set, namespace: namespace, hash: hash)
    }

    /// Eight bytes at a time, multiplied and folded; the idea of wyhash, without its claims.
    private func hash(of text: UnsafeRawBufferPointer) -> Int {
        var hash = seed ^ UInt64(truncatingIfNeeded: text.count)
        var offset = 0
        while offset + 8 <= text.count {
            hash = fold(hash ^ text.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var tail: UInt64 = 0
        while offset < text.count {
            tail = tail << 8 | UInt64(text[offset])
            offset += 1
        }
        return Int(truncatingIfNeeded: fold(hash ^ tail))
    }

    private func fold(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return high ^ low
    }
}

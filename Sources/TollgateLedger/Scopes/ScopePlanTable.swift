/// A set of plans found by the bytes of their scope: open addressing with linear probing, so that a look-up from a slice of
/// a request makes no key object. Grows by doubling at three quarters full; a plan may give its place to another of the same
/// scope, and nothing is ever removed.
///
/// With a hundred thousand plans each one looked at is a cache miss. So probing goes over a piece of every hash, which lie
/// side by side, and looks at hardly any plan but the one that is asked for.
struct ScopePlanTable {
    /// Of each slot the upper half of the hash, with its lowest bit set; 0 for an empty slot.
    private var tags: [UInt32]
    private var plans: [ScopePlan?]
    private(set) var count = 0

    init(slotCount: Int = 64) {
        precondition(slotCount.nonzeroBitCount == 1, "a power of two")
        tags = Array(repeating: 0, count: slotCount)
        plans = Array(repeating: nil, count: slotCount)
    }

    private static func tag(of hash: Int) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) | 1 }

    @inline(__always)
    func find(_ text: UnsafeRawBufferPointer, hash: Int) -> ScopePlan? {
        let mask = tags.count - 1
        let tag = Self.tag(of: hash)
        var index = hash & mask
        while tags[index] != 0 {
            if tags[index] == tag, let plan = plans[index], plan.hasText(text) { return plan }
            index = (index + 1) & mask
        }
        return nil
    }

    /// The caller has made sure that no plan for the same scope is in the table.
    mutating func insert(_ plan: ScopePlan) {
        if (count + 1) * 4 > tags.count * 3 { grow() }
        place(plan)
        count += 1
    }

    /// Puts a plan in the place of another of the same scope. Does nothing where that one is not in the table.
    mutating func replace(_ old: ScopePlan, by new: ScopePlan) {
        let mask = tags.count - 1
        var index = old.hash & mask
        while tags[index] != 0 {
            if plans[index] === old { return plans[index] = new }
            index = (index + 1) & mask
        }
    }

    private mutating func place(_ plan: ScopePlan) {
        let mask = tags.count - 1
        var index = plan.hash & mask
        while tags[index] != 0 { index = (index + 1) & mask }
        tags[index] = Self.tag(of: plan.hash)
        plans[index] = plan
    }

    private mutating func grow() {
        let old = plans
        tags = Array(repeating: 0, count: old.count * 2)
        plans = Array(repeating: nil, count: old.count * 2)
        for case let plan? in old { place(plan) }
    }
}

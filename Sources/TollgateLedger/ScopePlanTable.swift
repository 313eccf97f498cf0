/// A set of plans found by the bytes of their scope: open addressing with linear probing, so that a look-up from a slice of
/// a request makes no key object. Grows by doubling at three quarters full; nothing is ever removed.
struct ScopePlanTable {
    private var slots: [ScopePlan?]
    private(set) var count = 0

    init(slotCount: Int = 64) {
        precondition(slotCount.nonzeroBitCount == 1, "a power of two")
        slots = Array(repeating: nil, count: slotCount)
    }

    func find(_ text: UnsafeRawBufferPointer, hash: Int) -> ScopePlan? {
        let mask = slots.count - 1
        var index = hash & mask
        while let plan = slots[index] {
            if plan.hash == hash, plan.hasText(text) { return plan }
            index = (index + 1) & mask
        }
        return nil
    }

    /// The caller has made sure that no plan for the same scope is in the table.
    mutating func insert(_ plan: ScopePlan) {
        if (count + 1) * 4 > slots.count * 3 { grow() }
        place(plan)
        count += 1
    }

    private mutating func place(_ plan: ScopePlan) {
        let mask = slots.count - 1
        var index = plan.hash & mask
        while slots[index] != nil { index = (index + 1) & mask }
        slots[index] = plan
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: nil, count: old.count * 2)
        for case let plan? in old { place(plan) }
    }
}

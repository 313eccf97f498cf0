/// A hash table of plans by the bytes of their scope. It uses open addressing with linear probing, so that a lookup
/// with a slice of a request creates no key object. It doubles at three quarters full. Plans are replaced, but never
/// removed.
///
/// With a hundred thousand plans, each plan read is a cache miss. So probing compares 32 bits of each hash, stored side by
/// side, and rarely reads any plan but the right one.
struct ScopePlanTable {
    /// The upper half of each slot's hash with its lowest bit set; 0 for an empty slot.
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

    /// Inserts a plan. The table must not have a plan of the same scope.
    mutating func insert(_ plan: ScopePlan) {
        if (count + 1) * 4 > tags.count * 3 { grow() }
        insertIntoSlot(plan)
        count += 1
    }

    /// Replaces a plan with another of the same scope. Does nothing if the table does not have the old plan.
    mutating func replace(_ old: ScopePlan, by new: ScopePlan) {
        let mask = tags.count - 1
        var index = old.hash & mask
        while tags[index] != 0 {
            if plans[index] === old { return plans[index] = new }
            index = (index + 1) & mask
        }
    }

    private mutating func insertIntoSlot(_ plan: ScopePlan) {
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
        for case let plan? in old { insertIntoSlot(plan) }
    }
}

/// A hash function for scope texts: it multiplies eight bytes at a time and folds the product, as wyhash does, without its
/// guarantees.
struct ScopeHash {
    /// A random seed, so that clients cannot choose ids that all collide.
    private let seed = UInt64.random(in: .min ... .max)

    @inline(__always)
    func callAsFunction(of text: UnsafeRawBufferPointer) -> Int {
        var hash = seed ^ UInt64(truncatingIfNeeded: text.count)
        var offset = 0
        while offset + 8 <= text.count {
            hash = fold(hash ^ text.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var tail: UInt64 = 0
        if text.count >= 8 {
            // Reads some bytes twice, which is faster than reading the rest one by one.
            tail = text.loadUnaligned(fromByteOffset: text.count - 8, as: UInt64.self)
        } else {
            for byte in text { tail = tail << 8 | UInt64(byte) }
        }
        return Int(truncatingIfNeeded: fold(hash ^ tail))
    }

    private func fold(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return high ^ low
    }
}

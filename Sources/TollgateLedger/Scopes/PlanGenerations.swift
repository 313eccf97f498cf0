/// The plans of recently used scopes, keyed by the bytes of their text. Bounded: two generations of at most ``size``
/// plans. A plan that is used survives; one that is not used is gone after two generations.
///
/// Owned by a ``ScopePlanCache``.
struct PlanGenerations {
    /// The maximum number of plans in a generation.
    let size: Int
    private var young = ScopePlanTable()
    private var old = ScopePlanTable()
    /// The plan of `global`, which every request has: found without the tables, and never dropped.
    private(set) var global: ScopePlan?
    private let hash = ScopeHash()
    /// Called when a generation is dropped.
    private let onDrop: () -> Void

    init(size: Int, onDrop: @escaping () -> Void) {
        self.size = size
        self.onDrop = onDrop
    }

    /// The number of plans, without that of `global`.
    var count: Int { young.count + old.count }

    @inline(__always)
    func hash(of text: UnsafeRawBufferPointer) -> Int { hash.callAsFunction(of: text) }

    /// Finds a plan, and keeps it for another generation.
    @inline(__always)
    mutating func find(_ text: UnsafeRawBufferPointer, hash: Int) -> ScopePlan? {
        if let plan = young.find(text, hash: hash) { return plan }
        if let global, global.hasText(text) { return global }
        guard let plan = old.find(text, hash: hash) else { return nil }
        insert(plan)
        return plan
    }

    /// Adds a plan whose scope has none in the young generation.
    mutating func insert(_ plan: ScopePlan) {
        guard !plan.isGlobal else { return global = plan }
        if young.count >= size {
            old = young
            young = ScopePlanTable()
            onDrop()
        }
        young.insert(plan)
    }

    /// Replaces a plan by another one of the same scope.
    mutating func replace(_ plan: ScopePlan, by other: ScopePlan) {
        if plan === global {
            global = other
        } else {
            young.replace(plan, by: other)
            old.replace(plan, by: other)
        }
    }

    /// Calls `body` with each plan of a scope: there may be one in both generations.
    func forEachPlan(of text: UnsafeRawBufferPointer, _ body: (ScopePlan) -> Void) {
        let hash = self.hash(of: text)
        for plan in [global, young.find(text, hash: hash), old.find(text, hash: hash)] {
            if let plan, plan.hasText(text) { body(plan) }
        }
    }
}

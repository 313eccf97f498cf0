import Foundation
import TollgateCore
import TollgateLedger
import TollgatePolicy

/// State that the connections of one event loop share: the scope plans of a workload, the time, and whether the batch
/// function is loaded. Owned by that loop.
final class DirectScopes {
    let keySpace: KeySpace
    private let cache: ScopePlanCache
    private var users: [[ScopePlan]?]
    private let tools: [[ScopePlan]]
    private let providers: [[ScopePlan]]
    private let composites: [ScopeKind]
    private let global: [ScopePlan]
    private var batches = 0
    /// Whether a connection loads or has loaded the batch function.
    var isLoading = false
    /// The SHA-1 of the script, if Redis denies functions.
    var script: String?
    /// Reused, so that a request allocates no array.
    private var asked: [ScopePlan] = []
    /// Unix time in milliseconds at the start of the run. Only the calendar periods of requests depend on it.
    let now: Int64

    init(policy: Policy, namespace: String, workload: Workload.Settings) {
        keySpace = KeySpace(namespace: namespace)
        let cache = ScopePlanCache(policy: policy, keySpace: keySpace, generationSize: .max)
        self.cache = cache
        composites = policy.compositeKinds.filter { Set($0.names).isSubset(of: ["user", "tool", "provider"]) }
        global = [cache.plan(for: .global)].filter { !$0.isInert }
        users = Array(repeating: nil, count: workload.users)
        tools = (0..<workload.tools).map { Self.plans(of: "tool", "t", $0, in: cache) }
        providers = (0..<workload.providers).map { Self.plans(of: "provider", "p", $0, in: cache) }
        now = Int64(Date.now.timeIntervalSince1970 * 1_000)
    }

    private func user(_ index: Int) -> [ScopePlan] {
        if let plans = users[index] { return plans }
        let plans = Self.plans(of: "user", "u", index, in: cache)
        users[index] = plans
        return plans
    }

    private static func plans(
        of kind: String, _ prefix: String, _ index: Int, in cache: ScopePlanCache
    ) -> [ScopePlan] {
        plans(of: "\(kind):\(prefix)\(index)", in: cache)
    }

    private static func plans(of text: String, in cache: ScopePlanCache) -> [ScopePlan] {
        guard let scope = try? Scope(parsing: text) else { return [] }
        let plan = cache.plan(for: scope)
        return plan.isInert ? [] : [plan]
    }

    /// Returns the composite scope of a call for a kind, such as `user:u1+tool:t2`.
    private static func composite(_ kind: ScopeKind, of call: Workload.Call) -> String {
        let ids = ["user": "u\(call.user)", "tool": "t\(call.tool)", "provider": "p\(call.provider)"]
        return kind.names.map { "\($0):\(ids[$0] ?? "")" }.joined(separator: "+")
    }

    func nextBatchNumber() -> Int {
        batches += 1
        return batches
    }

    func plans(for call: Workload.Call) -> [ScopePlan] {
        asked.removeAll(keepingCapacity: true)
        asked.append(contentsOf: user(call.user))
        asked.append(contentsOf: tools[call.tool])
        asked.append(contentsOf: providers[call.provider])
        for kind in composites {
            asked.append(contentsOf: Self.plans(of: Self.composite(kind, of: call), in: cache))
        }
        asked.append(contentsOf: global)
        return asked
    }
}

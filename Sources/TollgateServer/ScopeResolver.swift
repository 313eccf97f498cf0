import TollgateCore
import TollgateLedger
import TollgateWire

/// Finds the scopes that a request is about: those it names, the composite ones the policy knows for their kinds, and
/// `global`. Owned by one event loop.
struct ScopeResolver {
    let cache: ScopePlanCache
    private let global: ScopePlan
    private let composites: [[[UInt8]]]
    private var text: [UInt8] = []

    init(cache: ScopePlanCache) {
        self.cache = cache
        global = cache.plan(for: .global)
        composites = cache.policy.compositeKinds.map { $0.names.map { Array("\($0):".utf8) } }
    }

    /// Fills `plans` with every scope that has a part in the request, without those that change nothing.
    mutating func resolve(_ request: borrowing Request, into plans: inout [ScopePlan]) {
        plans.removeAll(keepingCapacity: true)
        request.bytes.withUnsafeBytes { bytes in
            for field in request.scopes {
                let text = UnsafeRawBufferPointer(rebasing: bytes[field.text])
                guard let plan = cache.plan(forScope: text), !plan.isInert else { continue }
                plans.append(plan)
            }
        }
        for kinds in composites {
            guard let plan = composite(of: kinds, request), !plan.isInert else { continue }
            plans.append(plan)
        }
        if !global.isInert { plans.append(global) }
    }

    /// The joined scope where the request names all of the kinds.
    private mutating func composite(of kinds: [[UInt8]], _ request: borrowing Request) -> ScopePlan? {
        text.removeAll(keepingCapacity: true)
        for kind in kinds {
            guard let field = request.scopes.first(where: { request.bytes[$0.text].starts(with: kind) }) else {
                return nil
            }
            if !text.isEmpty { text.append(UInt8(ascii: "+")) }
            text.append(contentsOf: request.bytes[field.text])
        }
        return text.withUnsafeBytes { cache.plan(forScope: $0) }
    }
}

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

    /// Fills `plans` with every scope that has a part in a request, without those that change nothing. `fields` are the scopes
    /// that it names, as ranges of `bytes`.
    mutating func resolve(
        _ fields: [Request.ScopeField], of bytes: [UInt8], into plans: inout [ScopePlan]
    ) {
        plans.removeAll(keepingCapacity: true)
        bytes.withUnsafeBytes { bytes in
            for field in fields {
                let text = UnsafeRawBufferPointer(rebasing: bytes[field.text])
                guard let plan = cache.plan(forScope: text), !plan.isInert else { continue }
                plans.append(plan)
            }
        }
        for kinds in composites {
            guard let plan = composite(of: kinds, fields, bytes), !plan.isInert else { continue }
            plans.append(plan)
        }
        if !global.isInert { plans.append(global) }
    }

    /// The joined scope where the request names all of the kinds.
    private mutating func composite(
        of kinds: [[UInt8]], _ fields: [Request.ScopeField], _ bytes: [UInt8]
    ) -> ScopePlan? {
        text.removeAll(keepingCapacity: true)
        for kind in kinds {
            guard let field = fields.first(where: { bytes[$0.text].starts(with: kind) }) else {
                return nil
            }
            if !text.isEmpty { text.append(UInt8(ascii: "+")) }
            text.append(contentsOf: bytes[field.text])
        }
        return text.withUnsafeBytes { cache.plan(forScope: $0) }
    }
}

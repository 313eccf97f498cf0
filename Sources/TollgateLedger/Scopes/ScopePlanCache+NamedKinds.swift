package import TollgateCore
import TollgatePolicy

/// The scopes that requests use, and their kinds. A limit of another kind has no effect yet, which may be a mistake.
extension ScopePlanCache {
    /// The maximum number of noted kinds.
    private static let maxNamedKinds = 1_024

    /// Notes the kind of a scope that a request has named.
    package func noteName(of scope: Scope) {
        if namedKinds.count < Self.maxNamedKinds { namedKinds.insert(scope.kind) }
    }

    /// Notes the scope of a plan that a request uses, unless it was noted since its last lookup.
    @inline(never)
    func noteUse(of plan: ScopePlan) {
        let scope = plan.scope
        // Refused: requests may not name it.
        guard knownKinds.admits(scope) else { return }
        plan.isNamed = true
        noteName(of: scope)
        onMet(scope)
    }

    /// Notes the scopes of a COMMIT or CANCEL, which gets their plans without noting them.
    package func noteUses(of plans: [ScopePlan]) {
        for plan in plans where !plan.isNamed { noteUse(of: plan) }
    }
}

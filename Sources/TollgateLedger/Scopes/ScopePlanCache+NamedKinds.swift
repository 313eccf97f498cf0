package import TollgateCore
import TollgatePolicy

/// The kinds of scopes that requests have named. A limit of another kind has no effect yet, which may be a mistake.
extension ScopePlanCache {
    /// The maximum number of noted kinds.
    private static let maxNamedKinds = 1_024

    /// Notes the kind of a scope that a request has named.
    package func noteName(of scope: Scope) {
        if namedKinds.count < Self.maxNamedKinds { namedKinds.insert(scope.kind) }
    }

    /// Notes a scope that a request has named for the first time.
    func met(_ scope: Scope) {
        onMet(scope)
        noteName(of: scope)
    }

    /// Notes the kind of a plan that a request has asked for the first time.
    @inline(never)
    func noteName(of plan: ScopePlan) {
        plan.isNamed = true
        noteName(of: plan.scope)
    }
}

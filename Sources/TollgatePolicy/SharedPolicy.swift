package import TollgateCore

/// The part of what administrators have set that every sidecar keeps whole: tiers, and the assignments of roles, domains and
/// everyone. What is set for one scope is looked up when the scope is first asked about (`ScopeSettings`).
package struct SharedPolicy: Sendable, Equatable {
    /// By id.
    package var tiers: [String: Tier] = [:]
    /// None of a user.
    package var assignments: [Assignment] = []
    /// The kinds of scopes for which something was ever set; scopes of other kinds need not be looked up.
    package var kinds: Set<ScopeKind> = []

    /// Nothing was set.
    package init(tiers: [String: Tier] = [:], assignments: [Assignment] = [], kinds: Set<ScopeKind> = []) {
        self.tiers = tiers
        self.assignments = assignments
        self.kinds = kinds
    }

    /// The most tiers that administrators may make, and the most assignments of roles and domains: all sidecars hold them.
    package static let maxTiers = 1_000
    /// See `maxTiers`.
    package static let maxAssignments = 10_000
}

extension Policy {
    /// This policy as administrators have changed it: what they have set under the same id comes instead of the file's, but for an
    /// assignment that is not enabled, or whose tier is not there: either is as good as not there.
    package func merged(with shared: SharedPolicy) -> Policy {
        var policy = self
        policy.kindsWithSettings = shared.kinds
        for (id, tier) in shared.tiers { policy.tiers[id] = PlacedTier(tier, .admin) }
        for assignment in shared.assignments where assignment.isEnabled && policy.tiers[assignment.tier] != nil {
            policy.assignments[assignment.subject] = assignment
        }
        return policy
    }
}

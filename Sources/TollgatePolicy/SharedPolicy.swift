package import TollgateCore

/// The settings of administrators that every sidecar holds completely: tiers, the assignments of roles, domains and
/// everyone, and accounts at providers.
///
/// ``ScopeSettings`` are looked up when a request first names the scope.
package struct SharedPolicy: Sendable, Equatable {
    /// The tiers by id.
    package var tiers: [String: Tier] = [:]
    /// The assignments of all subjects but users.
    package var assignments: [Assignment] = []
    /// The kinds of scopes that ever had settings. Scopes of other kinds need no lookup.
    package var kinds: Set<ScopeKind> = []
    /// The accounts at providers by id.
    package var accounts: [String: Account] = [:]

    /// Creates settings; none by default.
    package init(
        tiers: [String: Tier] = [:], assignments: [Assignment] = [], kinds: Set<ScopeKind> = [],
        accounts: [String: Account] = [:]
    ) {
        self.tiers = tiers
        self.assignments = assignments
        self.kinds = kinds
        self.accounts = accounts
    }

    /// The maximum number of tiers that administrators may create.
    package static let maxTiers = 1_000
    /// The maximum number of assignments of roles and domains.
    package static let maxAssignments = 10_000
}

/// The settings of administrators for one scope. They take precedence over the policy file.
package struct ScopeSettings: Sendable, Hashable {
    /// The assignment of a tier to a user.
    package var assignment: Assignment?
    /// The limits of the scope, in the order of `Limit.precedes`. Each takes precedence over the same limit of the
    /// file.
    package var limits: [Limit]
    /// The most recent override, also after it has expired.
    package var override: Override?

    /// Creates settings; none by default.
    package init(assignment: Assignment? = nil, limits: [Limit] = [], override: Override? = nil) {
        self.assignment = assignment
        self.limits = limits
        self.override = override
    }

    /// The settings of a scope that administrators have not changed.
    package static let none = ScopeSettings()
}

extension Policy {
    /// This policy with the changes of administrators, which replace entries of the file with the same id.
    ///
    /// Assignments that are not enabled, or whose tier does not exist or is not enabled, have no effect. The limits of the
    /// file's account stay in force where the new one does not have the same limit. A provider that an administrator binds
    /// to an account is bound to no other.
    package func merged(with shared: SharedPolicy) -> Policy {
        var policy = self
        policy.kindsWithSettings = shared.kinds
        for (id, tier) in shared.tiers { policy.tiers[id] = TierEntry(tier, .admin) }
        policy.accounts.merge(shared.accounts) { $1 }
        let bindings = Set(shared.accounts.values.compactMap(\.binding))
        for (id, account) in accounts where shared.accounts[id] == nil {
            guard let binding = account.binding, bindings.contains(binding) else { continue }
            policy.accounts[id]?.binding = nil
            policy.unusedBindings.insert(id)
        }
        for assignment in shared.assignments {
            if policy.reasonToSkip(assignment) == nil {
                policy.assignments[assignment.subject] = assignment
            } else {
                policy.unusedAssignments[assignment.subject] = assignment
            }
        }
        return policy
    }
}

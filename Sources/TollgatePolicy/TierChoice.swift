package import TollgateCore

/// What a request says of its user besides the id.
package struct UserTraits: Sendable, Hashable {
    /// Byte for byte as assignments name them.
    package var roles: [String]
    /// As it was given.
    package var email: String?

    /// Nothing is known.
    package init(roles: [String] = [], email: String? = nil) {
        self.roles = roles
        self.email = email
    }

    /// Nothing is known.
    package static let none = UserTraits()

    /// Byte for byte, as roles are: String's own == takes a composed and a decomposed é for the same.
    package static func == (lhs: UserTraits, rhs: UserTraits) -> Bool {
        lhs.roles.elementsEqual(rhs.roles) { $0.utf8.elementsEqual($1.utf8) }
            && (lhs.email == nil) == (rhs.email == nil)
            && (lhs.email ?? "").utf8.elementsEqual((rhs.email ?? "").utf8)
    }

    /// What follows the last `@` of the address, in lower case.
    var emailDomain: String? {
        // By scalar: an `@` and a combining mark after it are one Character.
        guard let scalars = email?.unicodeScalars, let at = scalars.lastIndex(of: "@") else { return nil }
        return String(scalars[scalars.index(after: at)...]).lowercased()
    }
}

/// The tier that a user has, and why.
package struct TierChoice: Sendable, Equatable {
    /// The tier.
    package let tier: PlacedTier
    /// Every assignment that applies, the one that won first.
    package let candidates: [Assignment]

    /// The assignment that won.
    package var winner: Assignment { candidates[0] }
}

extension Policy {
    /// The tier of a user; nil where no assignment applies. Assignments that are not enabled, or whose tier is not there, play no
    /// part.
    ///
    /// - Parameter assignment: what administrators have set for the user; comes instead of the file's.
    package func tierChoice(for user: Scope, assignment: Assignment?, traits: UserTraits) -> TierChoice? {
        guard !tiers.isEmpty else { return nil }
        // A role that is named twice counts once.
        var subjects = Set(traits.roles.map { Assignment.Subject.role($0) })
        if let domain = traits.emailDomain { subjects.insert(.emailDomain(domain)) }
        subjects.insert(.everyone)
        let own = assignment.flatMap(usable) ?? assignments[.user(user)].flatMap(usable)
        let others = subjects.compactMap { assignments[$0].flatMap(usable) }
        let candidates = (others + (own.map { [$0] } ?? [])).sorted { $0.precedes($1) }
        guard let winner = candidates.first, let tier = tiers[winner.tier] else { return nil }
        return TierChoice(tier: tier, candidates: candidates)
    }

    private func usable(_ assignment: Assignment) -> Assignment? {
        assignment.isEnabled && tiers[assignment.tier] != nil ? assignment : nil
    }

    /// Whether what a request says of a user could give it another tier than it has where nothing is said.
    ///
    /// - Parameter assignment: what administrators have set for the user.
    func tierDependsOnTraits(of user: Scope, assignment: Assignment?) -> Bool {
        guard Self.canHaveTier(user), !tiers.isEmpty else { return false }
        let usual = tierChoice(for: user, assignment: assignment, traits: .none)?.winner
        return assignments.values.contains { assignment in
            switch assignment.subject {
            case .role, .emailDomain: usable(assignment) != nil && usual.map(assignment.precedes) ?? true
            case .user, .everyone: false
            }
        }
    }

    /// Each tier that a user may have, and what a request says of it then: first the one that it has where nothing is said.
    ///
    /// - Parameter assignment: what administrators have set for the user.
    package func tiersByTraits(
        of user: Scope, assignment: Assignment?
    ) -> [(tier: PlacedTier?, traits: UserTraits)] {
        guard Self.canHaveTier(user) else { return [] }
        let usual = tierChoice(for: user, assignment: assignment, traits: .none)
        var found = [(tier: usual?.tier, traits: UserTraits.none)]
        for other in assignments.values where usual.map({ other.precedes($0.winner) }) ?? true {
            let isKnown = found.contains { $0.tier?.tier.id == other.tier }
            guard let tier = tiers[other.tier], !isKnown, usable(other) != nil else { continue }
            switch other.subject {
            case .role(let role): found.append((tier, UserTraits(roles: [role])))
            case .emailDomain(let domain): found.append((tier, UserTraits(email: "@\(domain)")))
            case .user, .everyone: break
            }
        }
        return found
    }

    /// Whether a scope can have a tier at all: single users only.
    package static func canHaveTier(_ scope: Scope) -> Bool {
        scope.parts.count == 1 && scope.parts[0].kind == "user"
    }
}

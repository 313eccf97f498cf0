package import TollgateCore

/// The roles and the email address of a user, as a request names them.
package struct UserTraits: Sendable, Hashable {
    /// The roles. Assignments name them byte for byte.
    package var roles: [String]
    /// The email address.
    package var email: String?

    /// Creates traits; none by default.
    package init(roles: [String] = [], email: String? = nil) {
        self.roles = roles
        self.email = email
    }

    /// The traits of a user of whom a request names only the id.
    package static let none = UserTraits()

    /// Compares byte for byte: String's == considers a composed and a decomposed é equal.
    package static func == (lhs: UserTraits, rhs: UserTraits) -> Bool {
        lhs.roles.elementsEqual(rhs.roles) { $0.utf8.elementsEqual($1.utf8) }
            && (lhs.email == nil) == (rhs.email == nil)
            && (lhs.email ?? "").utf8.elementsEqual((rhs.email ?? "").utf8)
    }

    /// The part of the address after its last `@`, in lower case.
    var emailDomain: String? {
        // By scalar: an `@` and a combining mark after it are one Character.
        guard let scalars = email?.unicodeScalars, let at = scalars.lastIndex(of: "@") else { return nil }
        return String(scalars[scalars.index(after: at)...]).lowercased()
    }
}

/// The tier of a user, and the assignments that led to it.
package struct TierChoice: Sendable, Equatable {
    /// The tier, with its origin.
    package let tier: TierEntry
    /// All assignments that apply, the winner first.
    package let candidates: [Assignment]

    /// The assignment that won.
    package var winner: Assignment { candidates[0] }
}

/// An assignment that applies to a user, but has no effect.
package struct SkippedAssignment: Sendable, Equatable {
    /// The reason why an assignment has no effect.
    package enum Reason: String, Sendable, Encodable {
        case assignmentDisabled = "assignment_disabled"
        case tierDisabled = "tier_disabled"
        case tierMissing = "tier_missing"
    }

    package let assignment: Assignment
    package let reason: Reason
}

extension Policy {
    /// The tier of a user; nil if no assignment applies. Assignments that are not enabled, or whose tier does not
    /// exist or is not enabled, do not apply.
    ///
    /// - Parameter assignment: The administrators' assignment of the user. It replaces the one of the file.
    package func tierChoice(for user: Scope, assignment: Assignment?, traits: UserTraits) -> TierChoice? {
        guard !tiers.isEmpty else { return nil }
        let subjects = Self.subjects(of: traits)
        let own = assignment.flatMap(usable) ?? assignments[.user(user)].flatMap(usable)
        let others = subjects.compactMap { assignments[$0].flatMap(usable) }
        let candidates = (others + (own.map { [$0] } ?? [])).sorted { $0.precedes($1) }
        guard let winner = candidates.first, let tier = tiers[winner.tier] else { return nil }
        return TierChoice(tier: tier, candidates: candidates)
    }

    /// The subjects other than the user itself to which a user with these traits belongs.
    private static func subjects(of traits: UserTraits) -> Set<Assignment.Subject> {
        var subjects = Set(traits.roles.map { Assignment.Subject.role($0) })
        if let domain = traits.emailDomain { subjects.insert(.emailDomain(domain)) }
        subjects.insert(.everyone)
        return subjects
    }

    private func usable(_ assignment: Assignment) -> Assignment? {
        reasonToSkip(assignment) == nil ? assignment : nil
    }

    /// The reason why an assignment has no effect; nil if it has one.
    func reasonToSkip(_ assignment: Assignment) -> SkippedAssignment.Reason? {
        guard assignment.isEnabled else { return .assignmentDisabled }
        guard let tier = tiers[assignment.tier]?.tier else { return .tierMissing }
        return tier.isEnabled ? nil : .tierDisabled
    }

    /// The assignments of a user that have no effect, by priority.
    ///
    /// - Parameter assignment: The administrators' assignment of the user.
    package func skippedAssignments(
        of user: Scope, assignment: Assignment?, traits: UserTraits
    ) -> [SkippedAssignment] {
        guard Self.canHaveTier(user) else { return [] }
        let subjects = Self.subjects(of: traits).union([.user(user)])
        let found = [assignment] + subjects.flatMap { [assignments[$0], unusedAssignments[$0]] }
        return found.compactMap { $0 }.sorted { $0.precedes($1) }.compactMap { assignment in
            reasonToSkip(assignment).map { SkippedAssignment(assignment: assignment, reason: $0) }
        }
    }

    /// Whether some traits give a user another tier than it has without traits.
    ///
    /// - Parameter assignment: The administrators' assignment of the user.
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

    /// The tiers that a user may get, each with traits that lead to it. The first is the tier without traits.
    ///
    /// - Parameter assignment: The administrators' assignment of the user.
    package func tiersByTraits(
        of user: Scope, assignment: Assignment?
    ) -> [(tier: TierEntry?, traits: UserTraits)] {
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

    /// Whether a scope can have a tier. Only single users can.
    package static func canHaveTier(_ scope: Scope) -> Bool {
        scope.parts.count == 1 && scope.parts[0].kind == "user"
    }
}

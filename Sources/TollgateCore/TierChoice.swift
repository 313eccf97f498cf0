/// What a request says of its user besides the id.
public struct UserTraits: Sendable, Hashable {
    /// Byte for byte as assignments name them.
    public var roles: [String]
    /// As it was given.
    public var email: String?

    /// Nothing is known.
    public init(roles: [String] = [], email: String? = nil) {
        self.roles = roles
        self.email = email
    }

    /// Nothing is known.
    public static let none = UserTraits()

    /// What follows the last `@` of the address, in lower case.
    var emailDomain: String? {
        guard let email, let at = email.lastIndex(of: "@") else { return nil }
        return email[email.index(after: at)...].lowercased()
    }
}

/// The tier that a user has, and why.
public struct TierChoice: Sendable, Equatable {
    /// The tier.
    public let tier: PlacedTier
    /// Every assignment that applies, the one that won first.
    public let candidates: [Assignment]

    /// The assignment that won.
    public var winner: Assignment { candidates[0] }
}

extension Policy {
    /// The tier of a user; nil where no assignment applies. Assignments that are not enabled, or whose tier is not there, play no
    /// part.
    ///
    /// - Parameter assignment: what administrators have set for the user; comes instead of the file's.
    public func tierChoice(for user: Scope, assignment: Assignment?, traits: UserTraits) -> TierChoice? {
        guard !tiers.isEmpty else { return nil }
        let own = assignment.flatMap { $0.isEnabled ? $0 : nil }
        var subjects: [Assignment.Subject] = own == nil ? [.user(user)] : []
        // By their bytes: a role that is named twice counts once.
        subjects += Set(traits.roles).map { .role($0) }
        if let domain = traits.emailDomain { subjects.append(.emailDomain(domain)) }
        subjects.append(.everyone)
        let candidates = ([own] + subjects.map { assignments[$0] })
            .compactMap { $0 }
            .filter { $0.isEnabled && tiers[$0.tier] != nil }
            .sorted { $0.precedes($1) }
        guard let winner = candidates.first, let tier = tiers[winner.tier] else { return nil }
        return TierChoice(tier: tier, candidates: candidates)
    }

    /// Whether a scope can have a tier at all: single users only.
    public static func canHaveTier(_ scope: Scope) -> Bool {
        scope.parts.count == 1 && scope.parts[0].kind == "user"
    }
}

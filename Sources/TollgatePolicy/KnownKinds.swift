package import TollgateCore

/// The kinds of scopes that requests may name, so that a mistyped kind is an error and not a scope without limits.
package struct KnownKinds: Sendable, Equatable {
    /// The result of looking up a kind.
    package enum Standing: Sendable {
        /// Requests may name it.
        case known
        /// Requests that name it are refused.
        case unknown
        /// It is known only if administrators have set something for it, and their settings have not been read yet.
        case undecided
    }

    /// The known kinds; nil if every kind is known.
    private let names: Set<String>?
    /// Whether the kinds that administrators have set something for are among the names.
    private let includesSettings: Bool
    /// The kinds whose ids are compared in lower case.
    package let folded: Set<String>

    /// The maximum number of kinds that an error lists.
    private static let maxListed = 24

    /// Creates the kinds of a policy: the usual ones, those that the policy names anywhere, and those that
    /// administrators have set something for.
    ///
    /// - Parameter kindsWithSettings: The latter; nil before the administrators' settings have been read.
    package init(_ policy: Policy, kindsWithSettings: Set<ScopeKind>?) {
        folded = policy.foldedKinds
        includesSettings = kindsWithSettings != nil
        guard policy.unknownKinds == .error else {
            names = nil
            return
        }
        let ofScopes = Set(policy.defaults.keys).union(policy.scopes.keys.map(\.kind)).union(kindsWithSettings ?? [])
        names = Set(ScopeKind.usual).union(policy.kinds).union(policy.history).union(ofScopes.flatMap(\.names))
    }

    /// Looks up a single kind.
    package func standing(of kind: String) -> Standing {
        guard let names, !names.contains(kind) else { return .known }
        return includesSettings ? .unknown : .undecided
    }

    /// The first kind of a scope that is not known, with its standing; nil if all are known.
    package func firstUnknown(in scope: ScopeKind) -> (kind: String, standing: Standing)? {
        for kind in scope.names {
            let standing = standing(of: kind)
            if standing != .known { return (kind, standing) }
        }
        return nil
    }

    /// Whether requests may name a scope as it is written.
    package func admits(_ scope: Scope) -> Bool {
        firstUnknown(in: scope.kind) == nil && !changes(scope)
    }

    /// Whether an id of the scope is compared in lower case, and is not written so.
    package func changes(_ scope: Scope) -> Bool {
        !folded.isEmpty && scope.foldingCase(of: folded) != scope
    }

    /// The sentence about an unknown kind: `unknown kind; did you mean user? (known kinds: user, …; list others under
    /// kinds: in the policy)`.
    ///
    /// - Parameter arguments: The other words that may have been meant.
    package func explanation(of kind: String, arguments: [String] = []) -> String {
        // The name of a limit, which no request names.
        guard kind != Meter.concurrent.name else { return "not an argument; each RESERVE counts as one, until it ends" }
        let known = sortedNames
        let nearest = nearestWord(to: kind, among: known + arguments)
        let list = known.prefix(Self.maxListed).joined(separator: ", ") + (known.count > Self.maxListed ? ", …" : "")
        return "unknown kind\(nearest.map { "; did you mean \($0)?" } ?? "")"
            + " (known kinds: \(list); list others under kinds: in the policy)"
    }

    /// The sentence about a kind that is not known before the administrators' settings have been read.
    package static let undecidedExplanation =
        "not in the policy file, and the administrator settings have not been loaded yet"

    private var sortedNames: [String] {
        (names ?? []).subtracting([ScopeKind.global.description]).sorted(by: ScopeKind.precedes)
    }
}

/// What happens to requests that name a kind which is not known.
package enum UnknownKindRule: String, CaseIterable, Sendable {
    case error
    case allow
}

extension Policy {
    /// The kinds of scopes that requests may name.
    package var knownKinds: KnownKinds { KnownKinds(self, kindsWithSettings: kindsWithSettings) }

    /// The kinds, including composite ones, whose scopes have limits other than unlimited ones.
    package var limitedKinds: Set<ScopeKind> {
        func limit(_ limits: [Limit]) -> Bool { limits.contains { $0.max != nil } }
        var kinds = Set(defaults.filter { limit($0.value) }.keys)
        for (scope, limits) in scopes where limit(limits) { kinds.insert(scope.kind) }
        if tiers.values.contains(where: { limit($0.tier.limits) }), let user = try? ScopeKind(parsing: "user") {
            kinds.insert(user)
        }
        if accounts.values.contains(where: { limit($0.limits) }), let account = try? ScopeKind(parsing: "account") {
            kinds.insert(account)
        }
        return kinds
    }
}

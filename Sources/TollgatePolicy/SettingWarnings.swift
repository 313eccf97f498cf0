package import TollgateCore

// Sentences about settings that are valid, but may not be meant. `tollgate policy check` and responses to PUT have them.

extension Limit {
    /// A warning if this limit, which only counts, takes the place of one that denies; otherwise nil.
    ///
    /// - Parameter source: The source of the other limit, such as `defaults`.
    func warning(insteadOf other: Limit, of source: String) -> String? {
        guard hasSameName(as: other), mode == .shadow, max != nil, other.mode == .enforce, let otherMax = other.max
        else { return nil }
        return "replaces the enforced \(other.text(otherMax)) of \(source), so nothing is denied"
    }
}

extension Policy {
    /// Warnings about the limits of a scope that administrators set.
    ///
    /// - Parameter settings: The settings that these limits take precedence over.
    package func warnings(about limits: [Limit], of scope: Scope, over settings: ScopeSettings) -> [String] {
        let others = rules(for: scope, settings: settings).limits
        let replaced = limits.flatMap { limit in
            others.compactMap { other in
                limit.warning(insteadOf: other.limit, of: other.source.word).map { "\(limit.name): \($0)" }
            }
        }
        return replaced
            + limits.compactMap { limit in reasonOnlyOwnCounts(limit, of: scope).map { "\(limit.name): \($0)" } }
    }

    /// Why only our own amount counts against a limit that names the figures of a provider; nil if those count, or it names
    /// none.
    func reasonOnlyOwnCounts(_ limit: Limit, of scope: Scope) -> String? {
        guard let counts = limit.counts, counts != .own, scope.isAccount else { return nil }
        let id = scope.parts[0].id
        guard let account = accounts[id] else { return "only own usage counts, as there is no account \(id)" }
        guard account.credential != nil else { return "only own usage counts, as the account is not read" }
        guard account.provider.meters.contains(limit.meter) else {
            return "only own usage counts, as \(account.provider.rawValue) reports no \(limit.meter.name)"
        }
        guard limit.meter != .cost || currency == ProviderKind.currency else {
            return "only own usage in \(currency) counts, as providers report US dollars"
        }
        return nil
    }

    /// Warnings about the limits of a tier.
    package func warnings(about tier: Tier) -> [String] {
        guard let user = try? ScopeKind(parsing: "user") else { return [] }
        return tier.limits.flatMap { limit in
            (defaults[user] ?? []).compactMap { other in
                limit.warning(insteadOf: other, of: "defaults").map { "\(limit.name): \($0)" }
            }
        }
    }
}

extension Assignment.Subject {
    /// A warning if the name begins with the kind, as in `user: user:alice`; otherwise nil.
    package var warning: String? {
        guard let name, name.hasPrefix("\(kind):") || name.hasPrefix("\(kind)=") else { return nil }
        let meant = name.dropFirst(kind.count + 1)
        let noun =
            switch self {
            case .user: "id"
            case .role: "role"
            case .emailDomain, .everyone: "domain"
            }
        return meant.isEmpty ? nil : "is the \(noun) \(name); did you mean \(meant)?"
    }
}

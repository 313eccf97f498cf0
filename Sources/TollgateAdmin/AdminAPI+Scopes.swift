import TollgateCore
import TollgatePolicy
import TollgateServer

/// Scopes and kinds as the policy knows them.
extension AdminAPI {
    /// The kinds that requests may name.
    var knownKinds: KnownKinds { server.policies.effective.knownKinds }

    /// The unit of all amounts of `cost`.
    var moneyUnit: MoneyUnit { server.policies.file.moneyUnit }

    /// Returns the scope as requests name it: with ids in lower case where the policy says `fold_case`.
    func folded(_ scope: Scope) -> Scope { scope.foldingCase(of: server.policies.effective.foldedKinds) }

    /// Returns the scope of a parameter as requests name it. Throws a `Problem` for a kind that requests may not name.
    func known(_ scope: Scope, _ parameter: String = "scope") throws(Problem) -> Scope {
        _ = try known(scope.kind, parameter)
        return folded(scope)
    }

    /// Returns the kind of a parameter. Throws a `Problem` for a kind that requests may not name, also while that is not
    /// known yet: what is set for a kind makes it known for ever.
    func known(_ kind: ScopeKind, _ parameter: String = "kind") throws(Problem) -> ScopeKind {
        let kinds = knownKinds
        guard let (unknown, standing) = kinds.firstUnknown(in: kind) else { return kind }
        switch standing {
        case .known: return kind
        case .undecided: throw Problem(.unavailable, "\(unknown): \(KnownKinds.undecidedExplanation)")
        case .unknown: throw .badRequest("\(parameter): \(unknown): \(kinds.explanation(of: unknown))")
        }
    }
}

import TollgateCore

/// What `check`, `peek` and `reserve` do when the sidecar does not decide: it is away, is too slow, or answers `busy`.
public enum UnavailableRule: Sendable, Hashable {
    /// A decision that allows, with `isDegraded` set; from `reserve` a reservation without a token.
    case allow
    /// A decision that denies, with `isDegraded` set and no reason; from `reserve` an `OverLimit` that carries it.
    case deny
    /// The error.
    case throwError

    /// Nil where the error is to be thrown.
    var decision: Decision? {
        switch self {
        case .allow: Decision(allowed: true, isDegraded: true)
        case .deny: Decision(allowed: false, isDegraded: true)
        case .throwError: nil
        }
    }
}

import TollgateCore

/// The behaviour of `check`, `peek` and `reserve` if the sidecar makes no decision, because it is down, too slow, or
/// replies `busy`.
public enum UnavailableRule: Sendable, Hashable {
    /// Returns a decision that allows, with `isDegraded` set. `reserve` returns a reservation without a token.
    case allow
    /// Returns a decision that denies, with `isDegraded` set and no reason. `reserve` throws it as `OverLimit`.
    case deny
    /// Throws the error.
    case throwError

    /// The decision to return, or nil to throw the error.
    var decision: Decision? {
        switch self {
        case .allow: Decision(allowed: true, isDegraded: true)
        case .deny: Decision(allowed: false, isDegraded: true)
        case .throwError: nil
        }
    }
}

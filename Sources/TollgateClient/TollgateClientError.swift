/// An error of a call to the sidecar. A DENY is a decision, not an error of this type: `reserve` and `guarded` throw it
/// as `OverLimit`.
public enum TollgateClientError: Error, Equatable, Sendable {
    /// The sidecar is unreachable, or the connection closed before the reply. The sidecar may have applied the request.
    case unavailable(String)
    /// No reply arrived within the deadline. The sidecar may still apply the request.
    case timeout
    /// The sidecar replied `ERR code sentence`, or the client rejected the request before sending it (`bad_request`).
    case refused(code: String, sentence: String)
    /// The client has been shut down.
    case closed

    /// Whether `UnavailableRule` applies, because the sidecar made no decision. `ERR unavailable` and `ERR timeout` are
    /// decisions: the policy has a limit that fails closed, and it takes precedence over the client's rule.
    var isLackOfAnswer: Bool {
        switch self {
        case .unavailable, .timeout: true
        case .refused(let code, _): code == "busy"
        case .closed: false
        }
    }

    /// Whether a retry of an idempotent request may succeed.
    var mayPass: Bool {
        switch self {
        case .unavailable, .timeout: true
        case .refused(let code, _): ["busy", "timeout", "unavailable"].contains(code)
        case .closed: false
        }
    }
}

extension TollgateClientError: CustomStringConvertible {
    /// The text `code: sentence`.
    public var description: String {
        switch self {
        case .unavailable(let sentence): "unavailable: \(sentence)"
        case .timeout: "timeout: no reply within the deadline"
        case .refused(let code, let sentence): "\(code): \(sentence)"
        case .closed: "closed: the client was shut down"
        }
    }
}

/// Why a call to the sidecar gave no answer. A DENY is an answer; `reserve` and `guarded` throw it as `OverLimit`.
public enum TollgateClientError: Error, Equatable, Sendable {
    /// The sidecar cannot be reached, or the connection broke before the reply. What was asked may have been done.
    case unavailable(String)
    /// No reply came within the deadline. The sidecar may still have done what was asked.
    case timeout
    /// The sidecar answered `ERR code sentence`, or the request was found bad before it was sent (`bad_request`).
    case refused(code: String, sentence: String)
    /// The client was shut down.
    case closed

    /// Whether `UnavailableRule` has a say: the sidecar did not decide. Where it answers `ERR unavailable` or `ERR timeout` it
    /// did: a limit on the way fails closed by the policy, which comes before what a client would like.
    var isLackOfAnswer: Bool {
        switch self {
        case .unavailable, .timeout: true
        case .refused(let code, _): code == "busy"
        case .closed: false
        }
    }

    /// Whether the same request, sent again, may well be answered: for requests that count once.
    var mayPass: Bool {
        switch self {
        case .unavailable, .timeout: true
        case .refused(let code, _): ["busy", "timeout", "unavailable"].contains(code)
        case .closed: false
        }
    }
}

extension TollgateClientError: CustomStringConvertible {
    /// `code: sentence`
    public var description: String {
        switch self {
        case .unavailable(let sentence): "unavailable: \(sentence)"
        case .timeout: "timeout: no reply within the deadline"
        case .refused(let code, let sentence): "\(code): \(sentence)"
        case .closed: "closed: the client was shut down"
        }
    }
}

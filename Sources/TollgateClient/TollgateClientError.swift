import NIOCore
import NIOPosix
public import TollgateCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

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
    var isMissingDecision: Bool {
        switch self {
        case .unavailable, .timeout: true
        case .refused(let code, _): code == "busy"
        case .closed: false
        }
    }

    /// Whether a retry of an idempotent request may succeed.
    var isTransient: Bool {
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

/// The error for a call that is over a limit. `reserve` and `guarded` throw it. After a `check`, callers can throw it
/// themselves: `guard decision.allowed else { throw OverLimit(decision) }`.
public struct OverLimit: Error, Sendable, Equatable {
    /// The DENY. A denial by `UnavailableRule.deny` names no limit and has `isDegraded` set.
    public let decision: Decision

    /// Creates the error from a decision that does not allow the call.
    public init(_ decision: Decision) {
        self.decision = decision
    }

    /// The kind of limit that denied the call. Nil if the sidecar made no decision.
    public var reason: DenialReason? { decision.reason }

    /// Seconds until the same request could pass, if no other request arrives. Nil if waiting does not help.
    public var retryAfter: Double? { decision.retryAfter }
}

extension OverLimit: CustomStringConvertible {
    /// The text `over the limit user:alice/requests/1m (rate_limited), retry after 12.4 s`.
    public var description: String {
        var text = decision.limit.map { "over the limit \($0)" } ?? "denied"
        if let reason { text += " (\(reason.rawValue))" }
        if decision.isDegraded { text += " (sidecar made no decision)" }
        if let retryAfter { text += ", retry after \(retryAfter) s" }
        return text
    }
}

/// The error of `guarded` if its closure returned, but the usage could not be committed after several attempts, or the
/// sidecar refused the amounts. It carries the result and everything that a later `commit` needs.
public struct UncommittedUsage<Value: Sendable>: Error {
    /// The closure's result.
    public let value: Value
    /// The usage that the closure returned.
    public let amounts: Amounts
    /// The reservation. It can be committed again until 24 hours after it expires. The usage counts once, even if a
    /// lost attempt was applied.
    public let reservation: Reservation
    /// The error of `commit`.
    public let cause: any Error
}

extension UncommittedUsage: CustomStringConvertible {
    /// The text `usage not committed: ` and the cause.
    public var description: String { "usage not committed: \(cause)" }
}

/// Error sentences for failed and lost connections. Pure.
package enum ConnectionProblem {
    /// The end of a sentence that begins with the address.
    package static func description(of error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
        case let error as NIOConnectionError: description(of: error)
        case ChannelError.connectTimeout: "connection timed out"
        case ChannelError.ioOnClosedChannel, ChannelError.eof: "the sidecar closed the connection"
        default: "\(error)"
        }
    }

    /// Describes the first attempt if a host name has several addresses.
    private static func description(of error: NIOConnectionError) -> String {
        if let attempt = error.connectionErrors.first { return description(of: attempt.error) }
        return error.dnsAError == nil && error.dnsAAAAError == nil ? "\(error)" : "host name not found"
    }
}

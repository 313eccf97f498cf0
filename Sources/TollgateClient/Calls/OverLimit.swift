public import TollgateCore

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

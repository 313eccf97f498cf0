public import TollgateCore

/// A call that may not go ahead now. `reserve` and `guarded` throw it; where `check` denies, a caller may do the same:
/// `guard decision.allowed else { throw OverLimit(decision) }`.
public struct OverLimit: Error, Sendable, Equatable {
    /// The DENY. By `UnavailableRule.deny` one that names no limit, with `isDegraded` set.
    public let decision: Decision

    /// Takes a decision that does not allow.
    public init(_ decision: Decision) {
        self.decision = decision
    }

    /// What kind of limit refused; nil where nobody could decide.
    public var reason: DenialReason? { decision.reason }

    /// Seconds until the same request could pass if nobody else asked; nil where waiting does not help.
    public var retryAfter: Double? { decision.retryAfter }
}

extension OverLimit: CustomStringConvertible {
    /// `over the limit user:alice/requests/1m (rate_limited), retry after 12.4 s`
    public var description: String {
        var text = decision.limit.map { "over the limit \($0)" } ?? "denied"
        if let reason { text += " (\(reason.rawValue))" }
        if decision.isDegraded { text += " (nobody could decide)" }
        if let retryAfter { text += ", retry after \(retryAfter) s" }
        return text
    }
}

import Foundation
public import TollgateCore

/// Leave to make one call, for which amounts are kept back until it is committed or cancelled, or expires. A plain value: any
/// task may settle it, once.
public struct Reservation: Sendable {
    /// The ALLOW.
    public let decision: Decision
    /// What was asked for: what is recorded instead of a commit where there is no token.
    let request: ScopedRequest
    /// Names that record, so that a second commit of this reservation does not count again.
    let recordID = UUID().uuidString

    init(_ decision: Decision, of request: ScopedRequest) {
        self.decision = decision
        self.request = request
    }

    /// Names the reservation to the sidecar. Nil where nobody decided and `UnavailableRule.allow` let the call go ahead:
    /// nothing is kept back then.
    public var token: String? { decision.reservation }

    /// Whether the decision was made without Redis, or by `UnavailableRule.allow`.
    public var isDegraded: Bool { decision.isDegraded }
}

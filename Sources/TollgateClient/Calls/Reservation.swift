import Foundation
public import TollgateCore

/// A permission to make one call. The sidecar holds amounts for it until it is committed or cancelled, or expires. Any
/// task may commit or cancel it, once.
public struct Reservation: Sendable {
    /// The ALLOW.
    public let decision: Decision
    /// The request, which is recorded on commit if there is no token.
    let request: ScopedRequest
    /// The id of that record, so that a second commit of this reservation counts nothing.
    let recordID = UUID().uuidString

    init(_ decision: Decision, of request: ScopedRequest) {
        self.decision = decision
        self.request = request
    }

    /// The reservation's token. Nil if the sidecar made no decision and `UnavailableRule.allow` applied. No amounts are
    /// held then.
    public var token: String? { decision.reservation }

    /// Whether the decision was made without Redis, or by `UnavailableRule.allow`.
    public var isDegraded: Bool { decision.isDegraded }
}

import NIOCore
public import TollgateCore
import TollgateWire

/// A permission to make one call. The sidecar holds amounts for it until it is committed or cancelled, or expires. Any
/// task may commit or cancel it, once.
public struct Reservation: Sendable {
    /// The ALLOW decision that granted this reservation.
    public let decision: Decision
    /// The request, which is recorded on commit if there is no token.
    let request: ScopedRequest
    /// The id of that record, so that a second commit of this reservation counts nothing.
    let recordID = IdempotencyKey.random()

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

/// Reservations: a decision before a call, held amounts during it, and its usage after it. `guarded` combines these
/// steps.
extension TollgateClient {
    /// Decides whether a call may proceed. If so, counts its request and holds the other amounts until the reservation
    /// is committed or cancelled, or expires.
    ///
    /// If the sidecar makes no decision, `onUnavailable` applies. `UnavailableRule.allow` returns a reservation without
    /// a token, whose commit records the usage. Cancelling the task takes effect after the reply, at the latest after
    /// the deadline. A reservation that was granted meanwhile is cancelled.
    ///
    /// - Parameters:
    ///   - scopes: At most 16 scopes of distinct kinds.
    ///   - amounts: The maximum that the call may use. Cost is in nano-units.
    ///   - timeToLive: 1 s … 24 h, rounded up to whole seconds. Choose it longer than the call can last.
    ///   - onExpiry: What happens to held tokens and cost if the reservation expires: `.charge` makes them usage,
    ///     `.release` does not. Nil leaves it to the limits.
    ///   - roles: The user's roles, which select a tier.
    ///   - email: The user's email address, which selects a tier.
    /// - Throws: `OverLimit` if the call is denied. `TollgateClientError`, after which amounts may be held until they
    ///   expire. `CancellationError` if the task is cancelled.
    public func reserve(
        _ scopes: [Scope.Part], amounts: Amounts = Amounts(), timeToLive: Duration = .seconds(60),
        onExpiry: ExpiryRule? = nil, roles: [String] = [], email: String? = nil
    ) async throws -> Reservation {
        try Task.checkCancellation()
        let request = ScopedRequest(scopes, amounts, roles: roles, email: email)
        let line = try request.line(.reserve, timeToLive: timeToLive.wholeSeconds, onExpiry: onExpiry)
        // An unstructured task, because a reservation whose reply is dropped would hold its amounts until it expires.
        let decision = try await Task { try await decide(line) }.value
        guard decision.allowed else { throw OverLimit(decision) }
        let reservation = Reservation(decision, of: request)
        if Task.isCancelled {
            _ = try? await cancel(reservation)
            throw CancellationError()
        }
        return reservation
    }

    /// Decides whether a call may proceed, and holds its amounts if so. See
    /// `reserve(_:amounts:timeToLive:onExpiry:roles:email:)`, which takes a list.
    public func reserve(
        _ scopes: Scope.Part..., amounts: Amounts = Amounts(), timeToLive: Duration = .seconds(60),
        onExpiry: ExpiryRule? = nil, roles: [String] = [], email: String? = nil
    ) async throws -> Reservation {
        try await reserve(
            scopes, amounts: amounts, timeToLive: timeToLive, onExpiry: onExpiry, roles: roles, email: email)
    }

    /// Charges the actual usage of a reserved call and releases its held amounts. Meters that `amounts` does not name
    /// are charged nothing, except for a cost that follows from the sidecar's prices. `reserve` has already counted the
    /// request.
    ///
    /// The commit is idempotent: the client retries it up to four times within a few seconds, and callers may repeat
    /// it. It ignores cancellation of the task, because the usage has happened. Without a token, it is a `record` for
    /// the same scopes.
    ///
    /// - Parameters:
    ///   - amounts: The usage. Without a cost, the sidecar computes it if it has prices.
    ///   - model: The model that was called, whose price applies; nil for that of the reservation.
    ///   - provider: The provider that was called, whose price applies; nil for that of the reservation.
    /// - Throws: `TollgateClientError`. `refused` with the code `not_found` if the reservation expired more than 24
    ///   hours ago.
    @discardableResult
    public func commit(
        _ reservation: Reservation, amounts: Amounts, model: String? = nil, provider: String? = nil
    ) async throws -> Receipt {
        guard let line = try reservation.commitLine(amounts, model, provider) else { return Receipt() }
        return try await Task { try await receipt(for: line) }.value
    }

    /// Cancels a reservation whose call was not made: releases its held amounts and subtracts its request. Retries like
    /// `commit`, ignores cancellation of the task, and does nothing without a token.
    ///
    /// - Throws: `TollgateClientError`. The held amounts are released at the latest when the reservation expires.
    @discardableResult
    public func cancel(_ reservation: Reservation) async throws -> Receipt {
        guard let token = reservation.token else { return Receipt() }
        var line = ByteBuffer()
        RequestWriter.write(.cancel, reservation: token, to: &line)
        return try await Task { [line] in try await receipt(for: line) }.value
    }
}

extension Reservation {
    /// Encodes the request that charges the usage. Nil if there is nothing to charge.
    fileprivate func commitLine(
        _ amounts: Amounts, _ model: String?, _ provider: String?
    ) throws(TollgateClientError) -> ByteBuffer? {
        guard let token else {
            guard amounts != Amounts() else { return nil }
            var record = request
            record.amounts = amounts
            return try record.line(.record, id: recordID)
        }
        var line = ByteBuffer()
        RequestWriter.write(
            .commit, reservation: token, amounts: amounts, model: model, provider: provider, to: &line)
        try ScopedRequest.checkReadable(line, amounts)
        return line
    }
}

extension Duration {
    /// The duration in seconds, rounded up.
    fileprivate var wholeSeconds: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}

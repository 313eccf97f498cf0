import NIOCore
public import TollgateCore
import TollgateWire

/// A decision before a call and its usage after it, with the amounts kept back in between. `guarded` does all of it.
extension TollgateClient {
    /// Asks whether a call may go ahead; if so counts its request, and keeps the other amounts back until the reservation is
    /// committed or cancelled, or expires. Until the sidecar has answered, for the deadline at most, it takes no notice of a
    /// cancelled task; a reservation made for one is cancelled again.
    ///
    /// Where the sidecar does not decide, `UnavailableRule` does. By `allow` there is a reservation without a token, whose
    /// commit records what was used.
    ///
    /// - Parameters:
    ///   - scopes: At most 16, each of another kind.
    ///   - amounts: The most that the call may take. Cost is in nano-units.
    ///   - timeToLive: 1 s … 24 h, in whole seconds; a fraction counts as a whole one. Make it longer than the call may last.
    ///   - roles: Of the user, for the choice of a tier.
    ///   - email: Of the user, for the choice of a tier.
    /// - Throws: `OverLimit` where the answer is no; `TollgateClientError`, after which something may be kept back until it
    ///   expires; or `CancellationError` when the task is cancelled.
    public func reserve(
        _ scopes: [Scope.Part], amounts: Amounts = Amounts(), timeToLive: Duration = .seconds(60), roles: [String] = [],
        email: String? = nil
    ) async throws -> Reservation {
        try Task.checkCancellation()
        let request = ScopedRequest(scopes, amounts, roles: roles, email: email)
        let line = try request.line(.reserve, timeToLive: timeToLive.wholeSeconds)
        // An answer that nobody takes would keep the amounts back until they expire.
        let decision = try await Task { try await decide(line) }.value
        guard decision.allowed else { throw OverLimit(decision) }
        let reservation = Reservation(decision, of: request)
        if Task.isCancelled {
            _ = try? await cancel(reservation)
            throw CancellationError()
        }
        return reservation
    }

    /// Asks whether a call may go ahead, and keeps amounts back if so. See `reserve(_:amounts:timeToLive:roles:email:)`,
    /// which takes a list.
    public func reserve(
        _ scopes: Scope.Part..., amounts: Amounts = Amounts(), timeToLive: Duration = .seconds(60),
        roles: [String] = [], email: String? = nil
    ) async throws -> Reservation {
        try await reserve(scopes, amounts: amounts, timeToLive: timeToLive, roles: roles, email: email)
    }

    /// Charges what a reserved call really used, and ends what was kept back for it. Charges nothing of a meter that
    /// `amounts` does not name; the request was counted by `reserve`.
    ///
    /// Counts once: it is repeated by itself while there is no answer, up to four times in some seconds, and may be called
    /// again. Takes no notice of a cancelled task, as what is used is used. Without a token it is a `record` for the same
    /// scopes.
    ///
    /// - Throws: `TollgateClientError`; `refused` with the code `not_found` when the reservation expired more than 24 hours
    ///   ago.
    @discardableResult
    public func commit(_ reservation: Reservation, amounts: Amounts) async throws -> Receipt {
        guard let line = try reservation.commitLine(amounts) else { return Receipt() }
        return try await Task { try await receipt(for: line) }.value
    }

    /// Ends a reservation whose call was not made: nothing is kept back any more, and its request is taken back. Repeated by
    /// itself as `commit` is, takes no notice of a cancelled task either, and does nothing where there is no token.
    ///
    /// - Throws: `TollgateClientError`. What was kept back is free at the latest when the reservation expires.
    @discardableResult
    public func cancel(_ reservation: Reservation) async throws -> Receipt {
        guard let token = reservation.token else { return Receipt() }
        var line = ByteBuffer()
        RequestWriter.write(.cancel, reservation: token, to: &line)
        return try await Task { [line] in try await receipt(for: line) }.value
    }
}

extension Reservation {
    /// The line that charges what was used; nil where there is nothing to say to anyone.
    fileprivate func commitLine(_ amounts: Amounts) throws(TollgateClientError) -> ByteBuffer? {
        guard let token else {
            guard amounts != Amounts() else { return nil }
            var record = request
            record.amounts = amounts
            return try record.line(.record, id: recordID)
        }
        var line = ByteBuffer()
        RequestWriter.write(.commit, reservation: token, amounts: amounts, to: &line)
        try ScopedRequest.checkReadable(line)
        return line
    }
}

extension Duration {
    /// Rounded up.
    fileprivate var wholeSeconds: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}

import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateWire

extension Worker {
    /// Seconds that a reservation holds where the request does not say.
    private static let usualTimeToLive: Int64 = 60

    /// What a RESERVE asks for.
    func reservation(for request: Request) -> (amounts: Amounts, reservation: Reservation) {
        var amounts = request.amounts
        amounts.requests = amounts.requests ?? 1
        let traits = UserTraits(
            roles: request.roles.map { request.text($0).split(separator: ",").map(String.init) } ?? [],
            email: request.email.map(request.text))
        let reservation = Reservation(
            id: ledger.makeReservationID(), scopes: request.scopes.map { request.text($0.text) },
            traits: String(decoding: traits.bytes, as: UTF8.self),
            hits: amounts.requests ?? 0, tokens: amounts.allTokens ?? 0, inputTokens: amounts.inputTokens ?? 0,
            outputTokens: amounts.outputTokens ?? 0, cost: amounts.cost ?? 0,
            timeToLive: (request.timeToLive ?? Self.usualTimeToLive) * 1_000)
        return (amounts, reservation)
    }

    /// A reservation that is settled, and what it names as a request does.
    struct Settled {
        var reservation: Reservation
        var names: ScopeResolver.Names
        var bytes: GrowingBytes
    }

    /// Why a COMMIT or CANCEL cannot be carried out, or not yet.
    enum SettlingFault: Error {
        case refused(RequestError)
        /// The keys of tokens have to be read first.
        case unknownKey

        static let notAReservation = RequestError(
            .badRequest, "reservation: not what a RESERVE was answered with")
    }

    /// The reservation that a COMMIT or CANCEL names.
    func reservation(settledBy request: Request) throws(SettlingFault) -> Settled {
        let reservation: Reservation
        do throws(ReservationTokens.Fault) {
            reservation = try ledger.keyring.tokens.reservation(token: request.reservation.map(request.text) ?? "")
        } catch {
            throw error == .unknownKey ? .unknownKey : .refused(SettlingFault.notAReservation)
        }
        guard let scopes = Request.ScopeTexts(reservation.scopes) else {
            throw .refused(SettlingFault.notAReservation)
        }
        guard ledger.canEnd(reservation) else {
            throw .refused(RequestError(.notFound, "reservation: it ended more than 24 hours ago"))
        }
        var bytes = scopes.bytes
        bytes.append(Array(reservation.traits.utf8))
        return Settled(
            reservation: reservation, names: .init(scopes, traits: reservation.traits), bytes: bytes)
    }
}

extension ScopeResolver.Names {
    /// Those of a reservation, whose traits stand behind its scopes.
    fileprivate init(_ scopes: Request.ScopeTexts, traits: String) {
        self.init(fields: scopes.fields)
        let parts = traits.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard parts.count == 2 else { return }
        let start = scopes.bytes.count
        let email = start + parts[0].count + 1
        if !parts[0].isEmpty { roles = start..<start + parts[0].count }
        if !parts[1].isEmpty { self.email = email..<email + parts[1].count }
    }
}

extension Worker {
    /// How far back usage may be told, in ms: 31 days.
    private static let maxLateness: Int64 = 31 * 86_400_000
    /// How far a caller's clock may be ahead of Redis's, in ms.
    private static let maxAhead: Int64 = 60_000

    /// What is wrong with `at=` (Unix ms); nil for nothing.
    func fault(of usedAt: Int64) -> RequestError? {
        let age = ledger.redisTime - usedAt
        if age > Self.maxLateness { return RequestError(.badRequest, "at: more than 31 days ago") }
        return age < -Self.maxAhead ? RequestError(.badRequest, "at: in the future") : nil
    }
}

extension IdempotencyKey {
    /// That of a RECORD or REFUND with an id.
    init(_ verb: OperationVerb, _ request: Request) {
        self.init(
            verb, id: request.id.map(request.text) ?? "",
            scope: request.scopes.first.map { request.text($0.text) } ?? "global")
    }
}

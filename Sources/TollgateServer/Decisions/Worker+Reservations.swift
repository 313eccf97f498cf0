import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateWire

extension Worker {
    /// Seconds until a reservation expires if its request does not say.
    private static let defaultTimeToLive: Int64 = 60

    /// Makes the reservation of a RESERVE of amounts.
    func reservation(for request: Request, of amounts: Amounts) -> Reservation {
        let traits = UserTraits(
            roles: request.roles.map { request.text($0).split(separator: ",").map(String.init) } ?? [],
            email: request.email.map(request.text))
        return Reservation(
            id: ledger.makeReservationID(), scopes: request.scopes.map { request.text($0.text) },
            traits: String(decoding: traits.bytes, as: UTF8.self),
            requests: amounts.requests ?? 0, tokens: amounts.allTokens ?? 0, inputTokens: amounts.inputTokens ?? 0,
            outputTokens: amounts.outputTokens ?? 0, cost: amounts.cost ?? 0,
            timeToLive: (request.timeToLive ?? Self.defaultTimeToLive) * 1_000, onExpiry: request.onExpiry)
    }

    /// The reservation of a COMMIT or CANCEL, with its scopes in the form of a request's.
    struct NamedReservation {
        var reservation: Reservation
        var names: ScopeResolver.Names
        /// The bytes that `names` refers to.
        var bytes: GrowingBytes
    }

    /// A reason why a COMMIT or CANCEL is not carried out.
    enum ReservationFault: Error {
        case refused(RequestError)
        /// The token is signed with an unknown key. The signing keys must be read again first.
        case unknownKey

        static let notAReservation = RequestError(
            .badRequest, "reservation: expected a token returned by RESERVE")
    }

    /// Reads the reservation that a COMMIT or CANCEL names.
    func reservation(namedBy request: Request) throws(ReservationFault) -> NamedReservation {
        let reservation: Reservation
        do throws(ReservationTokens.Fault) {
            reservation = try ledger.keyring.tokens.reservation(token: request.reservation.map(request.text) ?? "")
        } catch {
            throw error == .unknownKey ? .unknownKey : .refused(ReservationFault.notAReservation)
        }
        guard let scopes = Request.ScopeTexts(reservation.scopes) else {
            throw .refused(ReservationFault.notAReservation)
        }
        guard ledger.canEnd(reservation) else {
            throw .refused(RequestError(.notFound, "reservation: it ended more than 24 hours ago"))
        }
        var bytes = scopes.bytes
        bytes.append(Array(reservation.traits.utf8))
        return NamedReservation(
            reservation: reservation, names: .init(scopes, traits: reservation.traits), bytes: bytes)
    }
}

extension ScopeResolver.Names {
    /// The names of a reservation, whose traits follow its scopes.
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
    /// The age up to which usage can be recorded, in ms: 31 days.
    private static let maxLateness: Int64 = 31 * 86_400_000
    /// The tolerated lead of a caller's clock over Redis's, in ms.
    private static let maxAhead: Int64 = 60_000

    /// The error of a value of `at=` (Unix ms); nil if it is in range.
    func fault(of usedAt: Int64) -> RequestError? {
        let age = ledger.redisTime - usedAt
        if age > Self.maxLateness { return RequestError(.badRequest, "at: more than 31 days ago") }
        return age < -Self.maxAhead ? RequestError(.badRequest, "at: in the future") : nil
    }
}

extension IdempotencyKey {
    /// The key of a RECORD or REFUND with an id.
    init(_ verb: OperationVerb, _ request: Request) {
        self.init(
            verb, id: request.id.map(request.text) ?? "",
            scope: request.scopes.first.map { request.text($0.text) } ?? "global")
    }
}

import TollgateCore
import TollgateLedger
import TollgateWire

extension Session {
    /// Seconds that a reservation holds where the request does not say.
    private static let usualTimeToLive: Int64 = 60

    func mark(of verb: OperationVerb) -> OperationMark {
        let request = reader.request
        return OperationMark(
            verb, id: request.id.map(request.text) ?? "",
            scope: request.scopes.first.map { request.text($0.text) } ?? "global")
    }

    func reserve() {
        let request = reader.request
        var amounts = request.amounts
        amounts.requests = amounts.requests ?? 1
        let reservation = Reservation(
            id: worker.ledger.makeReservationID(), scopes: request.scopes.map { request.text($0.text) },
            hits: amounts.requests ?? 0, tokens: amounts.allTokens ?? 0, inputTokens: amounts.inputTokens ?? 0,
            outputTokens: amounts.outputTokens ?? 0, cost: amounts.cost ?? 0,
            timeToLive: (request.timeToLive ?? Self.usualTimeToLive) * 1_000)
        worker.resolver.resolve(request.scopes, of: request.bytes, into: &worker.plans)
        let ticket = replies.reserve()
        worker.ledger.submit(
            .reserve, amounts, on: worker.plans, terms: .reserving(reservation), for: self, ticket: ticket)
    }

    /// COMMIT and CANCEL.
    func settle(_ verb: OperationVerb) {
        let request = reader.request
        guard let token = request.reservation.map(request.text), let reservation = Reservation(token: token),
            let scopes = Request.ScopeTexts(reservation.scopes)
        else {
            return refuse(RequestError(.badRequest, "reservation: not what a RESERVE was answered with"))
        }
        guard worker.ledger.canSettle(reservation) else {
            return refuse(RequestError(.notFound, "reservation: it ended more than 24 hours ago"))
        }
        worker.resolver.resolve(scopes.fields, of: scopes.bytes, into: &worker.plans)
        let ticket = replies.reserve()
        worker.ledger.submit(
            verb, request.amounts, on: worker.plans, terms: .settling(reservation), for: self, ticket: ticket)
    }
}

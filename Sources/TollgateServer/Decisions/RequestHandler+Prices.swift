import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateWire

/// The costs of requests by the prices of the policy.
extension RequestHandler {
    /// Submits a CHECK, PEEK, RECORD or REFUND under a policy with prices.
    @inline(never)
    func submitPriced(_ verb: OperationVerb) {
        guard let (amounts, delegate) = priced(amounts(of: verb), of: verb) else { return }
        worker.ledger.submit(
            verb, amounts, on: worker.plans, terms: terms(of: verb), usedAt: reader.request.usedAt,
            traits: worker.resolver.traits, arrival: arrival, for: delegate, ticket: reserveReply())
    }

    /// Returns the amounts with their cost by the prices, and the receiver of the answer; nil if the request has been
    /// answered because of its price.
    func priced(
        _ amounts: Amounts, of verb: OperationVerb
    ) -> (amounts: Amounts, delegate: any OperationDelegate)? {
        guard let pricer = worker.pricer, amounts.cost == nil else { return (amounts, self) }
        return apply(
            pricer.price(
                amounts, reader.request.scopes, reader.request.bytes,
                at: reader.request.usedAt ?? worker.ledger.redisTime, isDecision: verb.isDecision), to: amounts,
            of: verb)
    }

    /// Returns the amounts of a COMMIT with their cost by the prices of the model that it names, or else of the
    /// reservation's; nil if the request has been answered because of its price.
    func priced(
        _ request: Request, endingWith verb: OperationVerb, _ named: Worker.NamedReservation
    ) -> (amounts: Amounts, delegate: any OperationDelegate)? {
        guard verb == .commit, let pricer = worker.pricer, request.amounts.cost == nil else {
            return (request.amounts, self)
        }
        var amounts = request.amounts
        // A reservation that was made without Redis has counted none.
        if amounts.requests == nil, named.reservation.requests > 0 { amounts.requests = named.reservation.requests }
        let outcome = pricer.price(
            amounts, named.names.fields, named.bytes, named: (request.scopes, request.bytes),
            at: worker.ledger.redisTime, isDecision: false)
        return apply(outcome, to: request.amounts, of: verb)
    }

    /// Records in an idempotency key what a repetition of the current request must have in common with it.
    func describePrice(_ key: inout IdempotencyKey) {
        key.ignoresCost = reader.request.amounts.cost == nil && Pricer.namesModel(reader.request)
        key.distinguish(reader.request.amounts)
    }

    /// Carries out the outcome of pricing a request: returns its amounts and the receiver of the answer, or answers it
    /// and returns nil.
    @inline(never)
    private func apply(
        _ outcome: Pricer.Outcome, to amounts: Amounts, of verb: OperationVerb
    ) -> (amounts: Amounts, delegate: any OperationDelegate)? {
        switch outcome {
        case .unpriced: return (amounts, self)
        case .priced(let price):
            var amounts = amounts
            amounts.cost = price.cost
            amounts.unit = worker.ledger.keySpace.moneyUnit
            return (amounts, PricedCall(self, price))
        case .denied(let model):
            worker.unknownModels.note(model)
            worker.ledger.tally.countUnknownModel(verb)
            fill(reserveReply()) { buffer in
                let start = framing.beginDecision(&buffer)
                buffer.writeStaticString("DENY reason=unknown_model price=unknown")
                framing.endDecision(from: start, &buffer)
            }
            return nil
        case .refused(let error):
            refuse(error)
            return nil
        }
    }

    @inline(never)
    func write(_ price: Pricer.Price, to buffer: inout ByteBuffer) {
        DecisionText.write(price, in: worker.ledger.keySpace.moneyUnit, to: &buffer)
    }
}

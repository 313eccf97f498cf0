import TollgateCore
import TollgatePolicy

@testable import TollgateLedger

extension ReferenceLedger {
    func openHolds(_ scope: Scope, at now: Int64) -> [Hold] {
        holds[scope.description, default: []].filter { $0.ends > now }
    }

    func held(_ scope: Scope, _ meter: Meter, at now: Int64) -> Int64 {
        openHolds(scope, at: now).reduce(0) { $0 + $1.amounts[meter, default: 0] }
    }

    /// The held amount of a limit; 0 for a limit on single requests.
    func held(_ scope: Scope, _ limit: Limit, at now: Int64) -> Int64 {
        limit.period == .request ? 0 : held(scope, limit.meter, at: now)
    }

    /// The text ` used=3 held=2`. For `concurrent`, held reservations count as used.
    func text(_ limit: Limit, used: Int64, held: Int64) -> String {
        if limit.meter == .concurrent { return " used=\(held)" }
        return held > 0 ? " used=\(used) held=\(held)" : " used=\(used)"
    }

    mutating func hold(_ reservation: Reservation, of operation: TestOperation, at now: Int64) {
        let amounts: [Meter: Int64] = [
            .tokens: reservation.tokens, .inputTokens: reservation.inputTokens,
            .outputTokens: reservation.outputTokens, .cost: reservation.cost, .concurrent: 1,
        ]
        var expiry = HoldExpiry(
            madeAt: now, scopes: operation.scopes, day: policy.calendar.window(.day, containing: now).id,
            month: policy.calendar.window(.month, containing: now).id)
        for scope in operation.scopes {
            expiry.meters = chargedMeters(of: scope, by: reservation.onExpiry, amounts, operation.scopes)
            guard needsHolds(scope) || !expiry.meters.isEmpty else { continue }
            if !needsHolds(scope) { expire(scope, at: now) }
            let hold = Hold(id: reservation.id, amounts: amounts, ends: now + reservation.timeToLive, expiry: expiry)
            holds[scope.description, default: []].append(hold)
        }
    }

    mutating func settleReservation(_ operation: TestOperation, at now: Int64) -> String {
        guard case .ending(let reservation)? = operation.terms, let key = operation.terms?.idempotencyKey else {
            return ""
        }
        let wasSettled = isDone(key)
        guard markDone(key, by: operation.verb) else { return "OK duplicate" }
        for scope in operation.scopes {
            if !needsHolds(scope) { expire(scope, at: now) }
            holds[scope.description]?.removeAll { $0.id == reservation.id }
            giveBackCharge(of: reservation, to: scope, operation, at: now)
            if operation.verb == .cancel { giveBackHits(of: reservation, to: scope, operation, at: now) }
        }
        if operation.verb == .commit { addAmounts(of: operation, time: now, periodTime: reservation.madeAt, at: now) }
        return reservation.endsAt > now && !wasSettled ? "OK" : "OK late"
    }

    /// Gives requests back to the bucket, the period and the day that counted them, if these still count.
    private mutating func giveBackHits(
        of reservation: Reservation, to scope: Scope, _ operation: TestOperation, at now: Int64
    ) {
        for effective in policy.limits(for: scope) where effective.limit.meter == .requests {
            takeBack(reservation.requests, from: scope, effective.limit, madeAt: reservation.madeAt, at: now)
        }
        forget(
            reservation.requests, "requests", of: scope, in: operation, at: now, asOf: now, since: reservation.madeAt)
    }
}

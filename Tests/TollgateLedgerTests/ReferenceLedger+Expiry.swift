import TollgateCore
import TollgatePolicy

@testable import TollgateLedger

/// What the model needs to charge a hold when it expires.
struct HoldExpiry {
    /// The meters that are charged.
    var meters: [Meter] = []
    var madeAt: Int64 = 0
    /// The scopes of the request.
    var scopes: [Scope] = []
    /// The day and the month in which it was made, by the calendar of that time.
    var day = ""
    var month = ""
}

/// What an expired reservation was charged.
struct Charge {
    var amounts: [Meter: Int64]
    var expiry: HoldExpiry
}

/// Charging the holds of reservations that have expired.
extension ReferenceLedger {
    private static let tokenMeters: [Meter] = [.tokens, .inputTokens, .outputTokens]

    /// Removes the holds of a scope that have ended, and counts what is charged of them as usage.
    mutating func expire(_ scope: Scope, at now: Int64) {
        let ended = holds[scope.description, default: []].filter { $0.ends <= now }
        guard !ended.isEmpty else { return }
        holds[scope.description]?.removeAll { $0.ends <= now }
        for hold in ended { charge(hold, to: scope, at: now) }
    }

    /// Returns the model after the holds of a scope have expired, without changing this one.
    func expired(_ scope: Scope, at now: Int64) -> ReferenceLedger {
        var copy = self
        copy.expire(scope, at: now)
        return copy
    }

    private mutating func charge(_ hold: Hold, to scope: Scope, at now: Int64) {
        let meters = hold.expiry.meters
        let (madeAt, amounts) = (hold.expiry.madeAt, hold.amounts.filter { meters.contains($0.key) && $0.value > 0 })
        guard !meters.isEmpty else { return }
        charged[scope.description, default: [:]][hold.id] = Charge(amounts: amounts, expiry: hold.expiry)
        let (day, month) = day(of: hold.expiry, at: now)
        for (meter, amount) in amounts {
            add(amount, to: scope, meter, time: madeAt, periodTime: madeAt, at: now)
            guard policy.hasHistory(scope) else { continue }
            history.add(amount, meter.name, to: scope, of: hold.expiry.scopes, day: day, month: month)
        }
    }

    /// Returns the day that the charge of a hold belongs to, and its month: the current ones if it was made today.
    private func day(of expiry: HoldExpiry, at now: Int64) -> (String, String) {
        let today = policy.calendar.window(.day, containing: now)
        guard expiry.madeAt >= today.startsAt else { return (expiry.day, expiry.month) }
        return (today.id, policy.calendar.window(.month, containing: now).id)
    }

    /// Whether decisions on a scope read its holds.
    func needsHolds(_ scope: Scope) -> Bool {
        policy.limits(for: scope).contains { $0.limit.period != .request }
    }

    /// Returns the meters that a RESERVE charges to a scope when it expires.
    func chargedMeters(
        of scope: Scope, by rule: ExpiryRule?, _ amounts: [Meter: Int64], _ scopes: [Scope]
    ) -> [Meter] {
        [Self.tokenMeters, [.cost]].flatMap { part -> [Meter] in
            guard part.contains(where: { amounts[$0, default: 0] > 0 }) else { return [] }
            func limits(_ scope: Scope) -> [Limit] {
                policy.limits(for: scope).map(\.limit).filter { part.contains($0.meter) && $0.period != .request }
            }
            func charges(_ scope: Scope) -> Bool { limits(scope).contains { $0.onExpiry == .charge } }
            switch rule {
            case .release: return []
            case .charge: return needsHolds(scope) || policy.hasHistory(scope) ? part : []
            case nil:
                // A scope without such limits follows the others in its history.
                let follows = limits(scope).isEmpty && policy.hasHistory(scope) && scopes.contains(where: charges)
                return charges(scope) || follows ? part : []
            }
        }
    }

    /// Gives back what a reservation was charged, before its COMMIT or CANCEL is applied.
    mutating func giveBackCharge(
        of reservation: Reservation, to scope: Scope, _ operation: TestOperation, at now: Int64
    ) {
        guard let charge = charged[scope.description]?.removeValue(forKey: reservation.id) else { return }
        for (meter, amount) in charge.amounts {
            for effective in policy.limits(for: scope) where effective.limit.meter == meter {
                takeBack(amount, from: scope, effective.limit, madeAt: charge.expiry.madeAt, at: now)
            }
            history.take(
                amount, meter.name, from: scope, of: operation.scopes, day: day(of: charge.expiry, at: now).0)
        }
    }
}

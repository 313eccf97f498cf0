import TollgateCore
import TollgatePolicy

@testable import TollgateLedger

/// The reference model of the scripts, as simple as possible: it stores every event and sums them up for every decision.
///
/// A sliding window has 30 sub-buckets; the present one and the 30 before it count.
struct ReferenceLedger {
    struct Event {
        var time: Int64
        var amount: Int64
        /// The period of a calendar limit that counted it, by the calendar under which that period began.
        var period: CalendarWindow?
    }

    struct Counter: Hashable {
        var scope: String
        var limit: String
    }

    struct Refusal {
        var scope: String
        var limit: String
        var used: String
        var wait: Int64?
    }

    /// The amount that a reservation holds of one scope.
    struct Hold {
        var id: String
        var amounts: [Meter: Int64]
        var ends: Int64
        /// What is charged at the end.
        var expiry = HoldExpiry()
    }

    private(set) var policy: Policy
    private(set) var events: [Counter: [Event]] = [:]
    var history = ReferenceHistory()
    /// The events by scope.
    var holds: [String: [Hold]] = [:]
    /// What expired reservations were charged, by scope and id.
    var charged: [String: [String: Charge]] = [:]
    /// The idempotency keys of applied operations.
    private var done: [IdempotencyKey: OperationVerb] = [:]
    /// The amounts of operations with an id.
    private var marked: [IdempotencyKey: [Int64]] = [:]

    /// The limits of the scopes seen so far, cached for speed.
    private var limits: [Scope: [EffectiveLimit]] = [:]

    init(policy: Policy) {
        self.policy = policy
    }

    /// Changes the calendar by which new periods begin.
    mutating func changeCalendar(to calendar: CalendarRules) { policy.calendar = calendar }

    /// Returns the expected answer to an operation, in the notation of `LedgerHarness`.
    mutating func apply(_ operation: TestOperation, at now: Int64) -> String {
        for scope in operation.scopes where limits[scope] == nil { limits[scope] = policy.limits(for: scope) }
        // Requests do not read the holds of a scope without limits.
        for scope in operation.scopes where operation.verb == .sweep || needsHolds(scope) { expire(scope, at: now) }
        switch operation.verb {
        case .sweep: return "OK"
        case .check, .peek, .reserve: return decide(operation, at: now)
        case .record, .refund: return settle(operation, at: now)
        case .commit, .cancel: return settleReservation(operation, at: now)
        }
    }

    // MARK: - Deciding

    private mutating func decide(_ operation: TestOperation, at now: Int64) -> String {
        let requests = operation.amounts.requests ?? 0
        var shadows: [(scope: Scope, limit: String)] = []
        var refusals: [Refusal] = []
        for scope in operation.scopes {
            for effective in limits[scope, default: []] {
                let limit = effective.limit
                guard let max = limit.max else { continue }
                if limit.meter == .concurrent, operation.verb != .reserve { continue }
                let want = Swift.max(amount(of: limit.meter, in: operation) ?? 1, 1)
                let used = used(scope, limit, at: now)
                let held = held(scope, limit, at: now)
                guard used + held + want > max else { continue }
                if limit.mode == .shadow {
                    shadows.append((scope, limit.name))
                } else {
                    let wait = wait(scope, limit, want: want, at: now)
                    let usedText = text(limit, used: used, held: held)
                    refusals.append(Refusal(scope: scope.description, limit: limit.name, used: usedText, wait: wait))
                }
            }
        }
        let names = shadows.map { "\($0.scope)/\($0.limit)" }
        let extras = names.isEmpty ? "" : " shadow=\(names.joined(separator: ","))"
        if var worst = refusals.first {
            for refusal in refusals.dropFirst() {
                guard let longest = worst.wait else { break }
                if refusal.wait == nil || refusal.wait! > longest { worst = refusal }
            }
            if operation.verb != .peek {
                let refusing = operation.scopes.filter { scope in
                    refusals.contains { $0.scope == scope.description }
                }
                rememberRefused("denied", by: refusing, of: operation, at: now)
            }
            return "DENY \(worst.scope)/\(worst.limit)\(worst.used) wait=\(worst.wait ?? -1)" + extras
        }
        if operation.verb != .peek { rememberRefused("would_deny", by: shadows.map(\.scope), of: operation, at: now) }
        if let reservation = operation.terms?.reserving { hold(reservation, of: operation, at: now) }
        if operation.verb != .peek, requests > 0 {
            for scope in operation.scopes {
                add(requests, to: scope, .requests, time: now, periodTime: now, at: now)
                remember(requests, "requests", of: scope, in: operation, at: now, asOf: now)
            }
        }
        return allowed(operation, at: now) + extras
    }

    /// Counts a request for the scopes whose limits have denied it, or would have; for a composite scope, for its parts.
    private mutating func rememberRefused(
        _ meter: String, by refusing: [Scope], of operation: TestOperation, at now: Int64
    ) {
        let parts = refusing.flatMap { scope in
            scope.parts.count > 1 ? operation.scopes.filter { $0.isPart(of: scope) } : [scope]
        }
        for scope in Set(parts) {
            remember(max(operation.amounts.requests ?? 0, 1), meter, of: scope, in: operation, at: now, asOf: now)
        }
    }

    private func allowed(_ operation: TestOperation, at now: Int64) -> String {
        var best: (share: Double, text: String)?
        for scope in operation.scopes {
            for effective in limits[scope, default: []] {
                let limit = effective.limit
                guard let max = limit.max, limit.mode == .enforce, limit.period != .request,
                    limit.meter != .concurrent || operation.verb == .reserve
                else { continue }
                let used = used(scope, limit, at: now)
                let held = held(scope, limit, at: now)
                let share = max == 0 ? 0 : Double(max - used - held) / Double(max)
                if best == nil || share < best!.share {
                    best = (share, "ALLOW \(scope)/\(limit.name)\(text(limit, used: used, held: held))")
                }
            }
        }
        return best?.text ?? "ALLOW"
    }

    private func amount(of meter: Meter, in operation: TestOperation) -> Int64? {
        meter == .tokens ? operation.amounts.allTokens : operation.amounts[meter]
    }

    // MARK: - Adding and taking back

    private mutating func settle(_ operation: TestOperation, at now: Int64) -> String {
        if let key = operation.terms?.idempotencyKey, !markDone(key, by: operation.verb) {
            return marked[key] == named(operation) ? "OK duplicate" : "CONFLICT"
        }
        if let key = operation.terms?.idempotencyKey { marked[key] = named(operation) }
        let time = min(operation.usedAt ?? now, now)
        addAmounts(of: operation, time: time, periodTime: time, at: now)
        return "OK"
    }

    private func named(_ operation: TestOperation) -> [Int64] {
        Meter.allCases.map { amount(of: $0, in: operation) ?? 0 }
    }

    /// Marks a key as done. Returns false if it was done before; a COMMIT still counts after the CANCEL.
    mutating func markDone(_ key: IdempotencyKey, by verb: OperationVerb) -> Bool {
        guard done[key] == nil || verb == .commit && done[key] == .cancel else { return false }
        done[key] = verb
        return true
    }

    func isDone(_ key: IdempotencyKey) -> Bool { done[key] != nil }

    /// Adds the amounts of a RECORD or COMMIT, or takes back those of a REFUND.
    ///
    /// - Parameters:
    ///   - time: The time that sliding windows count it at.
    ///   - periodTime: The time that determines its day and other calendar periods.
    mutating func addAmounts(of operation: TestOperation, time: Int64, periodTime: Int64, at now: Int64) {
        for scope in operation.scopes {
            for meter in Meter.allCases {
                guard let amount = amount(of: meter, in: operation), amount > 0 else { continue }
                if operation.verb != .refund {
                    add(amount, to: scope, meter, time: time, periodTime: periodTime, at: now)
                } else {
                    takeBack(amount, from: scope, meter, time: time, at: now)
                }
            }
            var reported = Meter.allCases.filter { $0 != .concurrent }
                .map { ($0.name, amount(of: $0, in: operation) ?? 0) }
            reported.append(("calls", operation.amounts.requests ?? (operation.verb == .refund ? 0 : 1)))
            for (meter, amount) in reported {
                if operation.verb == .refund {
                    forget(amount, meter, of: scope, in: operation, at: periodTime, asOf: now)
                } else {
                    remember(amount, meter, of: scope, in: operation, at: periodTime, asOf: now)
                }
            }
        }
    }

    mutating func add(
        _ amount: Int64, to scope: Scope, _ meter: Meter, time: Int64, periodTime: Int64, at now: Int64
    ) {
        for effective in limits[scope, default: []] where effective.limit.meter == meter {
            let period = period(scope, effective.limit, at: now)
            let isSliding = effective.limit.period.isSliding
            let event = Event(time: isSliding ? time : periodTime, amount: amount, period: period)
            guard countsFrom(event.time, scope, effective.limit, at: now) else { continue }
            let counter = Counter(scope: scope.description, limit: effective.limit.name)
            let position = events[counter, default: []].lastIndex { $0.time <= event.time }.map { $0 + 1 } ?? 0
            // Events of an earlier period come before it, by any calendar.
            let first = events[counter, default: []].firstIndex { $0.period == period } ?? events[counter]?.count ?? 0
            events[counter, default: []].insert(event, at: isSliding ? position : max(position, first))
        }
    }

    /// Returns whether usage added at a time counts against a limit now. In a period of another calendar, whose start
    /// is not known, it counts unless it certainly does not.
    private func countsFrom(_ time: Int64, _ scope: Scope, _ limit: Limit, at now: Int64) -> Bool {
        guard let unit = limit.period.calendarUnit, let period = period(scope, limit, at: now) else {
            return stillCounts(time, scope, limit, at: now)
        }
        let window = policy.calendar.window(unit, containing: now)
        if period.id == window.id, period.endsAt == window.endsAt { return time >= window.startsAt }
        return (period.endsAt - time) * 5 <= (window.endsAt - window.startsAt) * 6
    }

    /// Returns whether usage counted at a time certainly belongs to what a limit counts now.
    private func stillCounts(_ time: Int64, _ scope: Scope, _ limit: Limit, at now: Int64) -> Bool {
        if case .sliding(let seconds) = limit.period {
            let width = Self.bucketWidth(seconds: seconds)
            return time / width >= now / width - 30
        }
        guard time < now, let period = period(scope, limit, at: now) else { return true }
        return isIn(period, time, limit, at: now)
    }

    /// Takes back from the oldest events that count now.
    private mutating func takeBack(
        _ amount: Int64, from scope: Scope, _ meter: Meter, time: Int64, at now: Int64
    ) {
        for effective in limits[scope, default: []] where effective.limit.meter == meter {
            guard stillCounts(time, scope, effective.limit, at: now) else { continue }
            let counter = Counter(scope: scope.description, limit: effective.limit.name)
            // Removed while they are changed, so that they are not copied.
            guard var events = events.removeValue(forKey: counter) else { continue }
            Self.take(amount, from: &events) { counts($0, against: effective.limit, at: now) }
            self.events[counter] = events
        }
    }

    /// Takes back what was counted at a time, if it counts now.
    mutating func takeBack(_ amount: Int64, from scope: Scope, _ limit: Limit, madeAt: Int64, at now: Int64) {
        let counter = Counter(scope: scope.description, limit: limit.name)
        guard var events = events.removeValue(forKey: counter) else { return }
        Self.take(amount, from: &events) {
            counts($0, against: limit, at: now) && isInSameStretch($0, madeAt, limit, at: now)
        }
        self.events[counter] = events
    }

    /// Takes back from the oldest matching events.
    private static func take(_ amount: Int64, from events: inout [Event], where fits: (Event) -> Bool) {
        var left = amount
        for index in events.indices {
            guard left > 0 else { return }
            guard fits(events[index]) else { continue }
            let taken = min(left, events[index].amount)
            events[index].amount -= taken
            left -= taken
        }
    }

    /// In a period of another calendar, whose start is not known, events match only if that is certain.
    private func isInSameStretch(_ event: Event, _ other: Int64, _ limit: Limit, at now: Int64) -> Bool {
        if case .sliding(let seconds) = limit.period {
            let width = Self.bucketWidth(seconds: seconds)
            return event.time / width == other / width
        }
        guard let period = event.period else { return true }
        return isIn(period, other, limit, at: now)
    }

    private func isIn(_ period: CalendarWindow, _ time: Int64, _ limit: Limit, at now: Int64) -> Bool {
        guard let unit = limit.period.calendarUnit else { return true }
        let window = policy.calendar.window(unit, containing: now)
        if period.id == window.id, period.endsAt == window.endsAt { return time >= window.startsAt }
        return (period.endsAt - time) * 10 <= (window.endsAt - window.startsAt) * 9
    }

    // MARK: - History

    /// - Parameter time: A time in its day, or the present time if that day is not over.
    private mutating func remember(
        _ amount: Int64, _ meter: String, of scope: Scope, in operation: TestOperation, at time: Int64, asOf now: Int64
    ) {
        guard policy.hasHistory(scope) else { return }
        let time = historyTime(time, asOf: now)
        history.add(
            amount, meter, to: scope, of: operation.scopes, day: policy.calendar.window(.day, containing: time).id,
            month: policy.calendar.window(.month, containing: time).id)
    }

    /// - Parameter since: If it is before the current day, nothing is taken back.
    mutating func forget(
        _ amount: Int64, _ meter: String, of scope: Scope, in operation: TestOperation, at time: Int64,
        asOf now: Int64, since: Int64 = .max
    ) {
        guard since >= policy.calendar.window(.day, containing: now).startsAt else { return }
        let day = policy.calendar.window(.day, containing: historyTime(time, asOf: now))
        history.take(amount, meter, from: scope, of: operation.scopes, day: day.id)
    }

    private func historyTime(_ time: Int64, asOf now: Int64) -> Int64 {
        time >= policy.calendar.window(.day, containing: now).startsAt ? now : time
    }
}

extension Scope {
    /// Returns whether the scope is part of a composite scope.
    fileprivate func isPart(of joined: Scope) -> Bool { parts.count == 1 && joined.parts.contains(parts[0]) }
}

extension Period {
    fileprivate var isSliding: Bool { if case .sliding = self { true } else { false } }
}

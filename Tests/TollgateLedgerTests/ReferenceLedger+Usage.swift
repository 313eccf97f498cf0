import TollgateCore
import TollgatePolicy

@testable import TollgateLedger

/// Adding up the events of a counter.
extension ReferenceLedger {
    func used(_ scope: Scope, _ limit: Limit, at now: Int64) -> Int64 {
        let counter = Counter(scope: scope.description, limit: limit.name)
        guard limit.period != .request, let events = events[counter] else { return 0 }
        // Events are ordered by time: none before the first one that no longer counts does.
        var sum: Int64 = 0
        for event in events.reversed() {
            guard counts(event, against: limit, at: now) else { break }
            sum += event.amount
        }
        return sum
    }

    func counts(_ event: Event, against limit: Limit, at now: Int64) -> Bool {
        switch limit.period {
        case .request, .reservation: return false
        case .total: return true
        case .sliding(let seconds):
            let width = Self.bucketWidth(seconds: seconds)
            return event.time / width >= now / width - 30
        case .day, .week, .month: return event.period!.endsAt > now
        }
    }

    /// Returns the current period of a calendar limit: the one begun last or, if that has ended, the present one.
    func period(_ scope: Scope, _ limit: Limit, at now: Int64) -> CalendarWindow? {
        guard let unit = limit.period.calendarUnit else { return nil }
        let last = events[Counter(scope: scope.description, limit: limit.name)]?.last?.period
        if let last, last.endsAt > now { return last }
        return policy.calendar.window(unit, containing: now)
    }

    static func bucketWidth(seconds: Int64) -> Int64 { (seconds * 1_000 + 29) / 30 }

    /// Tries the times at which something can change; nil if none of them helps.
    func wait(_ scope: Scope, _ limit: Limit, want: Int64, at now: Int64) -> Int64? {
        guard let max = limit.max, want <= max, limit.period != .request else { return nil }
        if held(scope, limit, at: now) > 0, used(scope, limit, at: now) + want <= max {
            return openHolds(scope, at: now).map(\.ends).min().map { $0 - now }
        }
        switch limit.period {
        case .request, .total, .reservation: return nil
        case .day, .week, .month:
            return period(scope, limit, at: now).map { $0.endsAt - now }
        case .sliding(let seconds):
            let width = Self.bucketWidth(seconds: seconds)
            let moments = (1...31).map { (now / width + $0) * width }
            return moments.first { used(scope, limit, at: $0) + want <= max }.map { $0 - now }
        }
    }
}

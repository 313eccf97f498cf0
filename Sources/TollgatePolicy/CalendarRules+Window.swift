import Foundation
package import TollgateCore

extension CalendarRules {
    /// The window of the unit that holds an instant, in Unix milliseconds.
    ///
    /// Takes some microseconds to some tens of them, so callers keep the result until `endsAt`. Instants before year 1 or
    /// after year 9998 are taken for the nearest one within.
    package func window(_ unit: CalendarUnit, containing milliseconds: Int64) -> CalendarWindow {
        let instant = min(max(floorDivide(milliseconds, 1_000), -62_100_000_000), 253_300_000_000)
        // The window after the local date's own is never too early to look from.
        var index = index(unit, of: CivilDate(daysSinceEpoch: localDay(of: instant))) + 1
        while true {
            if let start = start(unit, index), start <= instant {
                let end = startOfNext(unit, after: index)
                return CalendarWindow(id: id(unit, index), startsAt: start * 1_000, endsAt: end * 1_000)
            }
            index -= 1
        }
    }

    /// When the first window after that one begins, in Unix seconds.
    func startOfNext(_ unit: CalendarUnit, after index: Int64) -> Int64 {
        var next = index + 1
        while true {
            if let end = start(unit, next) { return end }
            next += 1
        }
    }

    // Windows of a unit are numbered: days and weeks from 1970-01-01 on, months from year 0 on.

    private func index(_ unit: CalendarUnit, of date: CivilDate) -> Int64 {
        switch unit {
        case .day: date.daysSinceEpoch
        // 1970-01-01 was a Thursday: three days after the Monday on which week 0 begins.
        case .week: floorDivide(date.daysSinceEpoch + 3, 7)
        case .month: date.year * 12 + date.month - 1
        }
    }

    /// The date on which a window begins.
    private func firstDay(_ unit: CalendarUnit, _ index: Int64) -> Int64 {
        switch unit {
        case .day: return index
        case .week: return index * 7 - 3
        case .month:
            let year = floorDivide(index, 12)
            let month = index - year * 12 + 1
            let day = min(Int64(billingDay), CivilDate.lastDay(ofMonth: month, year: year))
            return CivilDate(year: year, month: month, day: day).daysSinceEpoch
        }
    }

    /// When a window begins, in Unix seconds; nil for a day that the zone skipped altogether.
    func start(_ unit: CalendarUnit, _ index: Int64) -> Int64? {
        let day = firstDay(unit, index)
        let start = firstInstant(atLocal: day * 86_400 + Int64(resetHour) * 3_600)
        if unit == .day, localDay(of: start) != day, localDay(of: firstInstant(atLocal: day * 86_400)) != day {
            return nil
        }
        return start
    }

    /// Such as `2026-11-20`; of days and months the reverse of `CalendarUnit.number(ofID:)`.
    package func id(_ unit: CalendarUnit, _ index: Int64) -> String {
        let day = firstDay(unit, index)
        let date = CivilDate(daysSinceEpoch: day)
        switch unit {
        case .day: return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
        case .month: return "\(padded(date.year, 4))-\(padded(date.month, 2))"
        case .week:
            // A week belongs to the year that its Thursday is in.
            let thursday = day + 3
            let year = CivilDate(daysSinceEpoch: thursday).year
            let newYear = CivilDate(year: year, month: 1, day: 1).daysSinceEpoch
            return "\(padded(year, 4))-W\(padded((thursday - newYear) / 7 + 1, 2))"
        }
    }

    private func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

extension CalendarRules {
    /// Days after 1970-01-01 of the local date at an instant.
    private func localDay(of instant: Int64) -> Int64 {
        floorDivide(instant + offset(at: instant), 86_400)
    }

    /// Seconds that local time is ahead of UTC.
    private func offset(at instant: Int64) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(instant))))
    }

    /// The first instant at which local clocks show the given time or a later one. So a time that does not exist becomes
    /// the first instant after the gap, and of a time that exists twice the first is taken.
    ///
    /// - Parameter local: seconds after 1970-01-01 00:00 on local clocks.
    private func firstInstant(atLocal local: Int64) -> Int64 {
        // No zone is further from UTC than 16 hours, so the answer lies in this range.
        let earliest = local - 16 * 3_600
        let latest = local + 16 * 3_600
        var from = earliest
        while from < latest {
            let offset = offset(at: from)
            let to = offsetChange(after: from, upTo: latest)
            let candidate = max(from, local - offset)
            if candidate < to { return candidate }
            from = to
        }
        return latest
    }

    /// The first instant after `from` with another offset, or `latest` where there is none before it. Changes lie days
    /// apart, so a range of 32 hours has at most one.
    private func offsetChange(after from: Int64, upTo latest: Int64) -> Int64 {
        let offset = offset(at: from)
        guard self.offset(at: latest) != offset else { return latest }
        var same = from
        var other = latest
        while other - same > 1 {
            let middle = same + (other - same) / 2
            if self.offset(at: middle) == offset { same = middle } else { other = middle }
        }
        return other
    }
}

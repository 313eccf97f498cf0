import Foundation
package import TollgateCore

/// The rules for when days, weeks and months begin: the time zone, the hour of the reset, and the first day of months.
///
/// A value without state. An instant is in the same window in every process that has the same time zone data.
package struct CalendarRules: Sendable, Hashable {
    /// An IANA name such as `America/New_York`, or `UTC`.
    package let timeZone: String
    /// The local hour at which each window begins, 0 … 23.
    package let resetHour: Int
    /// The day on which months begin, 1 … 31. In shorter months 29 to 31 are the last day.
    package let billingDay: Int

    private let zone: TimeZone

    /// Midnight of the first of the month in UTC.
    package static let utc = CalendarRules(zone: .gmt)

    private init(zone: TimeZone) {
        self.timeZone = "UTC"
        self.resetHour = 0
        self.billingDay = 1
        self.zone = zone
    }

    /// Throws `CalendarError` for an unknown time zone, and for a number out of its range.
    package init(timeZone: String = "UTC", resetHour: Int = 0, billingDay: Int = 1) throws(CalendarError) {
        guard let zone = Self.zone(named: timeZone) else {
            throw CalendarError(
                key: "timezone",
                explanation: "unknown time zone \(timeZone); expected UTC or an IANA name such as Europe/Berlin")
        }
        guard (0...23).contains(resetHour) else {
            throw CalendarError(key: "reset_hour", explanation: "expected a whole number from 0 to 23")
        }
        guard (1...31).contains(billingDay) else {
            throw CalendarError(key: "billing_day", explanation: "expected a whole number from 1 to 31")
        }
        self.timeZone = timeZone
        self.resetHour = resetHour
        self.billingDay = billingDay
        self.zone = zone
    }

    /// Accepts only UTC and names of the form Area/Place. Foundation also accepts `EST` and `GMT+3`, which have no
    /// rules for daylight saving.
    private static func zone(named name: String) -> TimeZone? {
        if name == "UTC" { return .gmt }
        guard name.contains("/") else { return nil }
        return TimeZone(identifier: name)
    }
}

/// The error of a setting of ``CalendarRules``.
package struct CalendarError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The key in the policy file: `timezone`, `reset_hour` or `billing_day`.
    package let key: String
    /// The end of the sentence, such as `expected a whole number from 0 to 23`.
    package let explanation: String

    /// The text of the problem, such as `reset_hour: expected a whole number from 0 to 23`.
    package var description: String { "\(key): \(explanation)" }
}

/// A day, week or month of a calendar: half-open, in Unix milliseconds.
package struct CalendarWindow: Sendable, Hashable {
    /// The id, such as `2026-11-20`, `2026-W47` or `2026-11`. The ids of a unit sort by time.
    package let id: String
    /// The first instant of the window.
    package let startsAt: Int64
    /// The first instant of the next window.
    package let endsAt: Int64

    /// Creates a window. Its bounds are not checked.
    package init(id: String, startsAt: Int64, endsAt: Int64) {
        self.id = id
        self.startsAt = startsAt
        self.endsAt = endsAt
    }
}

// MARK: - Windows

extension CalendarRules {
    /// The window of a unit that contains an instant, in Unix milliseconds.
    ///
    /// Takes microseconds to tens of microseconds, so callers cache the result until `endsAt`. An instant before year 1
    /// or after year 9998 counts as the nearest instant within that range.
    package func window(_ unit: CalendarUnit, containing milliseconds: Int64) -> CalendarWindow {
        let instant = min(max(floorDivide(milliseconds, 1_000), -62_100_000_000), 253_300_000_000)
        // The search goes backwards, and the window after that of the local date is late enough to begin with.
        var index = index(unit, of: CivilDate(daysSinceEpoch: localDay(of: instant))) + 1
        while true {
            if let start = start(unit, index), start <= instant {
                let end = startOfNext(unit, after: index)
                return CalendarWindow(id: id(unit, index), startsAt: start * 1_000, endsAt: end * 1_000)
            }
            index -= 1
        }
    }

    /// The days or months with these numbers (`CalendarUnit.number(ofID:)`), in order, without days that the zone
    /// skipped.
    package func windows(_ unit: CalendarUnit, numbered numbers: ClosedRange<Int64>) -> [CalendarWindow] {
        let starts = numbers.compactMap { number in start(unit, number).map { (number: number, at: $0) } }
        guard let last = starts.last else { return [] }
        let ends = starts.dropFirst().map(\.at) + [startOfNext(unit, after: last.number)]
        return zip(starts, ends).map { start, end in
            CalendarWindow(id: id(unit, start.number), startsAt: start.at * 1_000, endsAt: end * 1_000)
        }
    }

    /// The start of the next window, in Unix seconds.
    private func startOfNext(_ unit: CalendarUnit, after index: Int64) -> Int64 {
        var next = index + 1
        while true {
            if let end = start(unit, next) { return end }
            next += 1
        }
    }

    // The windows of a unit are numbered: days and weeks from 1970-01-01, months from year 0.

    private func index(_ unit: CalendarUnit, of date: CivilDate) -> Int64 {
        switch unit {
        case .day: date.daysSinceEpoch
        // 1970-01-01 was a Thursday, three days after the Monday on which week 0 begins.
        case .week: floorDivide(date.daysSinceEpoch + 3, 7)
        case .month: date.year * 12 + date.month - 1
        }
    }

    /// The date on which a window begins, in days since 1970-01-01.
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

    /// The start of a window in Unix seconds; nil for a day that the zone skipped.
    private func start(_ unit: CalendarUnit, _ index: Int64) -> Int64? {
        let day = firstDay(unit, index)
        let start = firstInstant(atLocal: day * 86_400 + Int64(resetHour) * 3_600)
        if unit == .day, localDay(of: start) != day, localDay(of: firstInstant(atLocal: day * 86_400)) != day {
            return nil
        }
        return start
    }
}

// MARK: - Ids

extension CalendarRules {
    /// The id of a window, such as `2026-11-20`. For days and months it is the inverse of `CalendarUnit.number(ofID:)`.
    package func id(_ unit: CalendarUnit, _ index: Int64) -> String {
        let day = firstDay(unit, index)
        let date = CivilDate(daysSinceEpoch: day)
        switch unit {
        case .day: return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
        case .month: return "\(padded(date.year, 4))-\(padded(date.month, 2))"
        case .week:
            // A week belongs to the year of its Thursday.
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

extension CalendarUnit {
    /// The number of a day or month with an id such as `2026-11-20` or `2026-11`. Consecutive windows have consecutive
    /// numbers.
    ///
    /// Nil for other text, for dates that do not exist, for years other than 1 … 9998, and for weeks.
    package func number(ofID id: String) -> Int64? {
        let words = id.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        let lengths = [4, 2, 2].prefix(self == .day ? 3 : 2)
        guard self != .week, words.map(\.count) == Array(lengths) else { return nil }
        let numbers = words.compactMap { word in
            word.allSatisfy { (0x30...0x39).contains($0) } ? word.reduce(0) { $0 * 10 + Int64($1 - 0x30) } : nil
        }
        guard numbers.count == words.count, (1...9_998).contains(numbers[0]), (1...12).contains(numbers[1]) else {
            return nil
        }
        let (year, month) = (numbers[0], numbers[1])
        guard self == .day else { return year * 12 + month - 1 }
        guard (1...CivilDate.lastDay(ofMonth: month, year: year)).contains(numbers[2]) else { return nil }
        return CivilDate(year: year, month: month, day: numbers[2]).daysSinceEpoch
    }
}

// MARK: - Local time

extension CalendarRules {
    /// The local date at an instant, in days since 1970-01-01.
    private func localDay(of instant: Int64) -> Int64 {
        floorDivide(instant + offset(at: instant), 86_400)
    }

    /// The offset of local time from UTC, in seconds.
    private func offset(at instant: Int64) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(instant))))
    }

    /// Returns the first instant at which the local time is the given one or later.
    ///
    /// A local time that a DST change skips maps to the first instant after the gap. A repeated one maps to its first
    /// occurrence.
    ///
    /// - Parameter local: Seconds since 1970-01-01 00:00 on local clocks.
    private func firstInstant(atLocal local: Int64) -> Int64 {
        // No zone is further from UTC than 16 hours, so the result is in this range.
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

    /// The first instant after `from` with another offset; `latest` if there is none before it. Offsets change days
    /// apart, so 32 hours contain at most one change.
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

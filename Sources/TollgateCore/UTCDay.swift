/// A calendar day of UTC, the day by which providers bill.
package struct UTCDay: Hashable, Comparable, Sendable {
    /// The number of days since 1970-01-01.
    package let number: Int64

    /// The number of seconds of a day. Unix time has no leap seconds.
    package static let seconds: Int64 = 86_400

    /// The permitted days: 1970-01-01 to 9999-12-31.
    private static let range: ClosedRange<Int64> = 0...2_932_896

    /// Creates the nearest permitted day.
    package init(number: Int64) {
        self.number = min(max(number, Self.range.lowerBound), Self.range.upperBound)
    }

    /// The day of an instant.
    ///
    /// - Parameter unixSeconds: Unix seconds.
    package init(containing unixSeconds: Int64) {
        self.init(number: floorDivide(unixSeconds, Self.seconds))
    }

    /// Parses `2026-11-20`; nil for other text and for days that do not exist.
    package init?(parsing text: some StringProtocol) {
        guard text.utf8.count == 10, let time = UTCTime.milliseconds(parsing: "\(text)T00:00:00Z") else { return nil }
        self.init(containing: time / 1_000)
    }

    /// The first second, Unix time.
    package var start: Int64 { number * Self.seconds }

    /// The day after a number of days, which may be negative.
    package func advanced(by days: Int64) -> UTCDay {
        let (sum, overflow) = number.addingReportingOverflow(days)
        return UTCDay(number: overflow ? (days < 0 ? 0 : .max) : sum)
    }

    /// The first day of the following week, a Monday.
    package var startOfNextWeek: UTCDay { advanced(by: 7 - (number + 3) % 7) }

    /// The first day of the following month.
    package var startOfNextMonth: UTCDay {
        let date = CivilDate(daysSinceEpoch: number)
        return advanced(by: CivilDate.lastDay(ofMonth: date.month, year: date.year) - date.day + 1)
    }

    package static func < (lhs: UTCDay, rhs: UTCDay) -> Bool { lhs.number < rhs.number }
}

extension UTCDay: CustomStringConvertible {
    /// The date, such as `2026-11-20`.
    package var description: String { String(UTCTime.wholeSeconds(milliseconds: start * 1_000).prefix(10)) }
}

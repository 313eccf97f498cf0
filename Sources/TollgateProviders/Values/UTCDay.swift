import TollgateCore

/// A calendar day of UTC, the day by which providers bill.
package struct UTCDay: Hashable, Comparable, Sendable {
    /// The number of days since 1970-01-01.
    package let number: Int64

    /// The number of seconds of a day. Unix time has no leap seconds.
    static let seconds: Int64 = 86_400

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
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Digits.number($0) }
        guard text.split(separator: "-", omittingEmptySubsequences: false).map(\.utf8.count) == [4, 2, 2],
            let year = parts[0], let month = parts[1], let day = parts[2],
            (1970...9999).contains(year), (1...12).contains(month),
            (1...CivilDate.lastDay(ofMonth: month, year: year)).contains(day)
        else { return nil }
        self.init(number: CivilDate(year: year, month: month, day: day).daysSinceEpoch)
    }

    /// The first second, Unix time.
    package var start: Int64 { number * Self.seconds }

    /// The day after a number of days, which may be negative.
    package func advanced(by days: Int64) -> UTCDay {
        let (sum, overflow) = number.addingReportingOverflow(days)
        return UTCDay(number: overflow ? (days < 0 ? 0 : .max) : sum)
    }

    /// The first day of the following week (Monday) or month.
    var startOfNextWeek: UTCDay { advanced(by: 7 - (number + 3) % 7) }

    var startOfNextMonth: UTCDay {
        let date = CivilDate(daysSinceEpoch: number)
        return advanced(by: CivilDate.lastDay(ofMonth: date.month, year: date.year) - date.day + 1)
    }

    package static func < (lhs: UTCDay, rhs: UTCDay) -> Bool { lhs.number < rhs.number }
}

extension UTCDay: CustomStringConvertible {
    /// The date, such as `2026-11-20`.
    package var description: String {
        let date = CivilDate(daysSinceEpoch: number)
        return
            "\(Digits.padded(date.year, to: 4))-\(Digits.padded(date.month, to: 2))-\(Digits.padded(date.day, to: 2))"
    }
}

/// Instants in the notation of RFC 3339.
enum RFC3339 {
    /// Parses `2026-11-20T00:00:00Z`, with a fraction or a numeric offset too. Returns Unix seconds, rounded down; nil for
    /// other text.
    static func seconds(parsing text: String) -> Int64? {
        // Of these characters each is one byte; a line end would be one of two.
        guard (20...40).contains(text.utf8.count), text.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
            return nil
        }
        let clock = text.dropFirst(11).prefix(8).split(separator: ":", omittingEmptySubsequences: false)
        guard let day = UTCDay(parsing: text.prefix(10)),
            "Tt ".contains(text[text.index(text.startIndex, offsetBy: 10)]),
            clock.count == 3, clock.allSatisfy({ $0.utf8.count == 2 }),
            let hour = Digits.number(clock[0]), let minute = Digits.number(clock[1]),
            let second = Digits.number(clock[2]), hour < 24, minute < 60, second <= 60
        else { return nil }
        var rest = text.dropFirst(19)
        if rest.first == "." {
            let fraction = rest.dropFirst().prefix { Digits.number(String($0)) != nil }
            guard !fraction.isEmpty else { return nil }
            rest = rest.dropFirst(1 + fraction.count)
        }
        guard let offset = offset(rest) else { return nil }
        return day.start + hour * 3_600 + minute * 60 + second - offset
    }

    /// Parses `Z` or `+01:00`. Returns seconds.
    private static func offset(_ text: Substring) -> Int64? {
        if text == "Z" || text == "z" { return 0 }
        guard text.utf8.count == 6, let sign = text.first, sign == "+" || sign == "-" else { return nil }
        let parts = text.dropFirst().split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 2, let hours = Digits.number(parts[0]),
            let minutes = Digits.number(parts[1]), hours < 24, minutes < 60
        else { return nil }
        return (hours * 3_600 + minutes * 60) * (sign == "-" ? -1 : 1)
    }

    /// Returns the text of an instant, such as `2026-11-20T00:00:00Z`.
    static func text(_ unixSeconds: Int64) -> String {
        let day = UTCDay(containing: unixSeconds)
        let second = unixSeconds - day.start
        let clock = [second / 3_600, second / 60 % 60, second % 60].map { Digits.padded($0, to: 2) }
        return "\(day)T\(clock.joined(separator: ":"))Z"
    }
}

/// Decimal digits without signs.
enum Digits {
    /// Parses 1 … 18 digits; nil for other text.
    static func number(_ text: some StringProtocol) -> Int64? {
        guard (1...18).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text)
    }

    /// Returns the digits of a number, with zeros in front.
    static func padded(_ number: Int64, to length: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, length - digits.utf8.count)) + digits
    }
}

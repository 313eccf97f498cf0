/// The times of alerts and events in JSON: ISO 8601 in UTC, `2026-11-20T18:20:01.123Z`, from 1970 to the end of 9999.
package enum UTCTime {
    /// The range of times, in Unix ms. A time outside of it is written as the nearest time within, and cannot be
    /// parsed.
    package static let range: ClosedRange<Int64> = 0...253_402_300_799_999

    /// Formats a time in Unix ms.
    package static func text(milliseconds: Int64) -> String {
        let time = bounded(milliseconds)
        return "\(dateAndTime(time / 1_000)).\(padded(time % 1_000, 3))Z"
    }

    /// Formats a time in Unix ms, rounded up to whole seconds.
    package static func wholeSeconds(milliseconds: Int64) -> String {
        dateAndTime(min((bounded(milliseconds) + 999) / 1_000, range.upperBound / 1_000)) + "Z"
    }

    private static func bounded(_ milliseconds: Int64) -> Int64 {
        min(max(milliseconds, range.lowerBound), range.upperBound)
    }

    /// Parses a time with or without milliseconds, as Unix ms. Nil for other text, and for a time before 1970.
    package static func milliseconds(parsing text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count == 20 || bytes.count == 24, bytes.last == UInt8(ascii: "Z"),
            bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: "T"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
            let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
            (1...12).contains(month), (1...CivilDate.lastDay(ofMonth: month, year: year)).contains(day),
            hour < 24, minute < 60, second < 60
        else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
        let whole = ((days * 24 + hour) * 60 + minute) * 60 + second
        guard whole >= 0 else { return nil }
        guard bytes.count == 24 else { return whole * 1_000 }
        guard bytes[19] == UInt8(ascii: "."), let fraction = number(bytes[20..<23]) else { return nil }
        return whole * 1_000 + fraction
    }

    private static func dateAndTime(_ seconds: Int64) -> String {
        let days = seconds / 86_400
        let date = CivilDate(daysSinceEpoch: days)
        let rest = seconds - days * 86_400
        return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
            + "T\(padded(rest / 3_600, 2)):\(padded(rest / 60 % 60, 2)):\(padded(rest % 60, 2))"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }
}

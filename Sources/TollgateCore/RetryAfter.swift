/// The header Retry-After (RFC 9110, 10.2.3): seconds, or a date.
package enum RetryAfter {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    /// Parses the header; zero for a date that has passed, nil for any other text.
    ///
    /// - Parameter now: Unix seconds.
    package static func duration(_ text: String, now: Int64) -> Duration? {
        guard text.utf8.count <= 4_096 else { return nil }
        let words = text.split { $0 == " " || $0 == "\t" }
        if words.count == 1, words[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            // Nine digits are more than the maximum delay.
            return Int64(words[0].prefix(9)).map { .seconds($0) }
        }
        return date(words).map { .seconds(max(0, $0 - now)) }
    }

    /// Parses the words of `Sat, 21 Nov 2026 10:00:00 GMT`. Returns Unix seconds.
    private static func date(_ words: [Substring]) -> Int64? {
        guard words.count == 6, words[5] == "GMT", words[0].last == ",",
            weekdays.contains(String(words[0].dropLast())),
            let month = months.firstIndex(of: String(words[2])).map({ Int64($0) + 1 }),
            let day = number(words[1], digits: 2), let year = number(words[3], digits: 4),
            year >= 1970, (1...CivilDate.lastDay(ofMonth: month, year: year)).contains(day)
        else { return nil }
        let clock = words[4].split(separator: ":", omittingEmptySubsequences: false).map { number($0, digits: 2) }
        guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2],
            hour < 24, minute < 60, second <= 60
        else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
        return days * 86_400 + hour * 3_600 + minute * 60 + second
    }

    private static func number(_ text: Substring, digits: Int) -> Int64? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(text)
    }
}

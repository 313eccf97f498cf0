/// Other spellings of periods, such as `1min`, `1 day` and `daily`. They are errors; this finds what they stand for.
package enum PeriodSpelling {
    private static let units: [(spellings: [String], unit: String)] = [
        (["s", "sec", "secs", "second", "seconds"], "s"),
        (["m", "min", "mins", "minute", "minutes"], "m"),
        (["h", "hr", "hrs", "hour", "hours"], "h"),
        (["d", "day", "days"], "d"),
        (["w", "week", "weeks"], "w"),
        (["mo", "month", "months"], "month"),
    ]
    private static let words = [
        "secondly": "1s", "second": "1s", "sec": "1s", "minutely": "1m", "minute": "1m", "min": "1m", "hourly": "1h",
        "hour": "1h", "hr": "1h", "daily": "day", "days": "day", "weekly": "week", "weeks": "week",
        "monthly": "month", "months": "month", "all": "total", "ever": "total", "forever": "total",
        "lifetime": "total", "call": "request", "requests": "request",
    ]

    /// The period that a text probably stands for, such as `1m`, or `1d (any 24 hours) or day (until midnight)`. Nil if
    /// the text resembles none.
    package static func suggestion(for text: some StringProtocol) -> String? {
        guard text.utf8.count <= 32 else { return nil }
        var word = text.lowercased().filter { $0 != " " && $0 != "_" && $0 != "-" }
        for prefix in ["per", "each", "every"] where word.hasPrefix(prefix) {
            word = String(word.dropFirst(prefix.count))
        }
        if let period = words[word] ?? (Period.names.contains(word) ? word : nil) { return period }
        let digits = word.prefix { $0.isASCII && $0.isNumber }
        let spelling = String(word.dropFirst(digits.count))
        guard let count = Int64(digits), (1...9_999_999).contains(count),
            let unit = units.first(where: { $0.spellings.contains(spelling) })?.unit
        else { return nil }
        switch (unit, count) {
        case ("month", 1): return "month"
        case ("month", _): return nil
        case ("w", _): return valid("\(count * 7)d")
        case ("d", 1): return "1d (any 24 hours) or day (until midnight)"
        default: return valid("\(count)\(unit)")
        }
    }

    private static func valid(_ duration: String) -> String? {
        (try? Period.seconds(parsing: duration)) == nil ? nil : duration
    }
}

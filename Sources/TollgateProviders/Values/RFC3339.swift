import TollgateCore

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
}

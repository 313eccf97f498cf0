import Testing

@testable import TollgateCore

@Suite("Period")
struct PeriodTests {
    @Test(
        "each spelling has one canonical name",
        arguments: [
            ("60s", "1m"), ("1m", "1m"), ("24h", "24h"), ("1d", "24h"), ("1440m", "24h"), ("86400s", "24h"),
            ("48h", "2d"),
            ("90s", "90s"), ("90m", "90m"), ("120m", "2h"), ("25h", "25h"), ("7d", "7d"), ("31d", "31d"),
            ("744h", "31d"),
            ("1s", "1s"), ("060s", "1m"), ("request", "request"), ("day", "day"), ("week", "week"), ("month", "month"),
            ("total", "total"),
        ])
    func canonicalNames(text: String, name: String) throws {
        let period = try Period(parsing: text)
        #expect(period.description == name)
        #expect(try Period(parsing: name) == period)
    }

    @Test("a duration of one day is not the calendar day")
    func dayIsNotADuration() throws {
        #expect(try Period(parsing: "1d") == .sliding(seconds: 86_400))
        #expect(try Period(parsing: "day") == .day)
        #expect(try Period(parsing: "1d").calendarUnit == nil)
        #expect(try Period(parsing: "day").calendarUnit == .day)
    }

    @Test(
        "durations out of range are rejected",
        arguments: ["0s", "32d", "745h", "2678401s", "9223372036854775807d", "0d"])
    func outOfRange(text: String) {
        #expect(throws: Period.ParsingError(explanation: "a duration is 1s to 31d")) { try Period(parsing: text) }
    }

    @Test(
        "other text is rejected",
        arguments: [
            "", "s", "m", "1", "1x", "1M", "-1m", "+1m", "1.5h", " 1m", "1m ", "1h30m", "minute", "Day", "1e1s", "year",
            "d",
            "99999999999999999999s", "1\u{301}m",
        ])
    func refused(text: String) {
        #expect(throws: Period.ParsingError.self) { try Period(parsing: text) }
    }

    @Test(
        "an error about another spelling names the period that it stands for",
        arguments: [
            ("1min", "1m"), ("5 minutes", "5m"), ("1hour", "1h"), ("2hrs", "2h"), ("60sec", "60s"),
            ("90 seconds", "90s"),
            ("1 day", "1d (any 24 hours) or day (until midnight)"), ("3days", "3d"), ("1week", "7d"), ("2w", "14d"),
            ("1month", "month"), ("daily", "day"), ("hourly", "1h"), ("weekly", "week"), ("Monthly", "month"),
            ("per_minute", "1m"), ("Day", "day"), ("1M", "1m"), ("forever", "total"),
        ])
    func suggestions(text: String, meant: String) throws {
        let error = #expect(throws: Period.ParsingError.self) { try Period(parsing: text) }
        #expect(error?.explanation.hasPrefix("did you mean \(meant)? (expected request, day, ") == true)
    }

    @Test(
        "an error about text that resembles no period has no suggestion",
        arguments: ["1x", "year", "3 months", "400days", "min1", "", "1.5h", "9999999999min"])
    func noSuggestion(text: String) {
        #expect(PeriodSpelling.suggestion(for: text) == nil)
    }

    @Test("periods are ordered: request, sliding windows by length, day, week, month, total")
    func order() {
        let sorted: [Period] = [
            .request, .sliding(seconds: 1), .sliding(seconds: 60), .sliding(seconds: Period.maxWindow), .day, .week,
            .month, .total,
        ]
        #expect(sorted.reversed().sorted() == sorted)
    }
}

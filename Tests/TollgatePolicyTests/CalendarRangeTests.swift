import Testing

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Days and months by id")
struct CalendarRangeTests {
    private func windows(
        _ rules: CalendarRules, _ unit: CalendarUnit, _ from: String, _ to: String
    ) throws -> [CalendarWindow] {
        let (first, last) = (try #require(unit.number(ofID: from)), try #require(unit.number(ofID: to)))
        return rules.windows(unit, numbered: first...last)
    }

    @Test(
        "text that is not the id of a day or month has no number",
        arguments: [
            "", "2026-11-2", "2026-11-200", "2026-02-29", "2026-00-10", "2026-13-10", "2026-11-00", "2026-04-31",
            "0000-01-01", "9999-01-01", "2026/11/20", "2026-11-+1", "２０２６-11-20", "2026-11-20 ", "-026-11-20",
            "2026-W47",
            "2026-11-20-1", "2026-1-020",
        ])
    func noDay(text: String) {
        #expect(CalendarUnit.day.number(ofID: text) == nil)
        #expect(CalendarUnit.month.number(ofID: text) == nil)
        #expect(CalendarUnit.week.number(ofID: text) == nil)
    }

    @Test("a number is converted back to its id")
    func numbers() throws {
        #expect(CalendarUnit.day.number(ofID: "1970-01-01") == 0)
        #expect(CalendarUnit.day.number(ofID: "2028-02-29") == 21_243)
        #expect(CalendarUnit.month.number(ofID: "2026-11-20") == nil)
        #expect(CalendarUnit.day.number(ofID: "2026-11") == nil)
        for number in stride(from: Int64(-700_000), to: 2_900_000, by: 9_973) {
            let id = CalendarRules.utc.id(.day, number)
            #expect(CalendarUnit.day.number(ofID: id) == number)
        }
        for number in stride(from: Int64(12), to: 9_999 * 12, by: 997) {
            #expect(CalendarUnit.month.number(ofID: CalendarRules.utc.id(.month, number)) == number)
        }
    }

    @Test("the days on which clocks change in New York have 23 and 25 hours")
    func clockChanges() throws {
        let rules = try CalendarRules(timeZone: "America/New_York")
        let spring = try windows(rules, .day, "2026-03-07", "2026-03-09")
        #expect(spring.map(\.id) == ["2026-03-07", "2026-03-08", "2026-03-09"])
        #expect(spring.map { ($0.endsAt - $0.startsAt) / 3_600_000 } == [24, 23, 24])
        #expect(spring[1].startsAt == (try instant("2026-03-08T05:00:00Z")))
        #expect(spring[1].endsAt == (try instant("2026-03-09T04:00:00Z")))
        let autumn = try windows(rules, .day, "2026-11-01", "2026-11-01")
        #expect(autumn.map { ($0.endsAt - $0.startsAt) / 3_600_000 } == [25])
    }

    @Test("a day that a zone skipped has no window")
    func skipped() throws {
        let rules = try CalendarRules(timeZone: "Pacific/Apia")
        let days = try windows(rules, .day, "2011-12-28", "2012-01-01")
        #expect(days.map(\.id) == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"])
        #expect(days[1].endsAt == days[2].startsAt)
        #expect(try windows(rules, .day, "2011-12-30", "2011-12-30").isEmpty)
        #expect(try windows(rules, .day, "2011-12-29", "2011-12-30").map(\.endsAt) == [days[2].startsAt])
    }

    @Test("months begin on the billing day, or on the last day of a shorter month")
    func months() throws {
        let rules = try CalendarRules(timeZone: "Europe/Berlin", resetHour: 6, billingDay: 31)
        let months = try windows(rules, .month, "2025-12", "2026-03")
        #expect(months.map(\.id) == ["2025-12", "2026-01", "2026-02", "2026-03"])
        #expect(
            months.map(\.startsAt)
                == (try [
                    "2025-12-31T05:00:00Z", "2026-01-31T05:00:00Z", "2026-02-28T05:00:00Z", "2026-03-31T04:00:00Z",
                ]
                .map(instant)))
        #expect(months.last?.endsAt == (try instant("2026-04-30T04:00:00Z")))
    }

    @Test("they are the windows that instants fall into, one after the other", arguments: CalendarPropertyTests.zones)
    func tiles(zone: String) throws {
        for resetHour in [0, 2, 23] {
            let rules = try CalendarRules(timeZone: zone, resetHour: resetHour, billingDay: 30)
            for (unit, from, to) in [
                (CalendarUnit.day, "2011-11-20", "2012-02-10"), (.day, "2024-02-15", "2024-05-15"),
                (.month, "2010-01", "2013-12"),
            ] {
                let all = try windows(rules, unit, from, to)
                var expected = rules.window(unit, containing: try #require(all.first?.startsAt))
                #expect(expected.id == from)
                for window in all {
                    #expect(window == expected, "\(zone) \(resetHour)")
                    expected = rules.window(unit, containing: expected.endsAt)
                }
                #expect(all.last?.id == to)
            }
        }
    }
}

import Testing
import TollgateCore
import TollgatePolicy

@testable import TollgateDashboard

/// Tests of the texts of instants.
@Suite struct LocalTimeTests {
    /// 2026-11-30 13:03:10.999 UTC.
    private let now: Int64 = 1_796_043_790_999

    @Test("instants are shown in the calendar's time zone, with UTC beside")
    func zones() throws {
        let berlin = LocalTime(try CalendarRules(timeZone: "Europe/Berlin"))
        #expect(berlin.timeZone == "Europe/Berlin")
        #expect(berlin.time(now) == "14:03:10")
        #expect(berlin.dateAndTime(now, now: now) == "30 Nov 14:03")
        #expect(LocalTime.iso(now) == "2026-11-30T13:03:10Z")
        #expect(LocalTime.utc(now) == "2026-11-30 13:03:10 UTC")
        #expect(LocalTime(.utc).time(now) == "13:03:10")
        #expect(LocalTime(.utc).timeZone == "UTC")
        let kathmandu = LocalTime(try CalendarRules(timeZone: "Asia/Kathmandu"))
        #expect(kathmandu.time(now) == "18:48:10")
    }

    @Test("clocks change with daylight saving")
    func daylightSaving() throws {
        let berlin = LocalTime(try CalendarRules(timeZone: "Europe/Berlin"))
        let change = try #require(UTCTime.milliseconds(parsing: "2026-10-25T01:00:00Z"))
        #expect(berlin.time(change - 1) == "02:59:59")
        #expect(berlin.time(change) == "02:00:00")
    }

    @Test("dates of other years have their year")
    func years() throws {
        let berlin = LocalTime(try CalendarRules(timeZone: "Europe/Berlin"))
        let newYear = try #require(UTCTime.milliseconds(parsing: "2025-12-31T23:00:00Z"))
        #expect(berlin.dateAndTime(newYear, now: now) == "1 Jan 00:00")
        #expect(berlin.dateAndTime(newYear - 1, now: now) == "31 Dec 2025 23:59")
        #expect(LocalTime(.utc).dateAndTime(newYear, now: now) == "31 Dec 2025 23:00")
    }

    @Test("instants out of range are the nearest ones in it")
    func extremes() {
        #expect(LocalTime.iso(.min) == "1970-01-01T00:00:00Z")
        #expect(LocalTime.iso(.max) == "9999-12-31T23:59:59Z")
        #expect(LocalTime(.utc).time(.max) == "23:59:59")
        #expect(LocalTime(.utc).dateAndTime(.min, now: now) == "1 Jan 1970 00:00")
    }

    @Test(
        "ages have one unit and are rounded down",
        arguments: [
            (-5_000, "0 s"), (999, "0 s"), (12_999, "12 s"), (60_000, "1 min"), (3_599_999, "59 min"),
            (7_200_000, "2 h"), (172_799_999, "47 h"), (172_800_000, "2 d"), (86_400_000_000, "1\u{202F}000 d"),
            (.min, "0 s"),
        ] as [(Int64, String)])
    func ages(milliseconds: Int64, text: String) {
        #expect(LocalTime.age(milliseconds: milliseconds) == text)
    }

    @Test("days and months have short labels")
    func labels() {
        let rules = CalendarRules.utc
        #expect(LocalTime.label(of: rules.window(.day, containing: now)) == "30 Nov")
        #expect(LocalTime.label(of: rules.window(.month, containing: now)) == "Nov 2026")
        #expect(LocalTime.label(of: rules.window(.week, containing: now)) == "2026-W49")
        #expect(LocalTime.label(of: CalendarWindow(id: "2026-02-05", startsAt: 0, endsAt: 0)) == "5 Feb")
        #expect(LocalTime.label(of: CalendarWindow(id: "2026-12", startsAt: 0, endsAt: 0)) == "Dec 2026")
    }
}

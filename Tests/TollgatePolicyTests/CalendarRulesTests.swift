import Foundation
import Testing

@testable import TollgateCore
@testable import TollgatePolicy

/// Unix milliseconds of `2026-11-20T09:00:00Z`.
func instant(_ text: String) throws -> Int64 {
    Int64(try Date(text, strategy: .iso8601).timeIntervalSince1970) * 1_000
}

@Suite("Calendar")
struct CalendarRulesTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var zone = "UTC"
        var resetHour = 0
        var billingDay = 1
        let unit: CalendarUnit
        let at: String
        let id: String
        let starts: String
        let ends: String

        var testDescription: String { "\(zone) \(resetHour)h day \(billingDay): \(unit) at \(at)" }
    }

    @Test(
        "in UTC",
        arguments: [
            Case(
                unit: .day, at: "2026-11-20T00:00:00Z", id: "2026-11-20", starts: "2026-11-20T00:00:00Z",
                ends: "2026-11-21T00:00:00Z"),
            Case(
                resetHour: 6, unit: .day, at: "2026-11-20T05:59:59Z", id: "2026-11-19", starts: "2026-11-19T06:00:00Z",
                ends: "2026-11-20T06:00:00Z"),
            Case(
                unit: .week, at: "2026-11-22T23:59:59Z", id: "2026-W47", starts: "2026-11-16T00:00:00Z",
                ends: "2026-11-23T00:00:00Z"),
            Case(
                resetHour: 5, unit: .week, at: "2026-11-23T04:00:00Z", id: "2026-W47", starts: "2026-11-16T05:00:00Z",
                ends: "2026-11-23T05:00:00Z"),
            // ISO weeks belong to the year of their Thursday.
            Case(
                unit: .week, at: "2027-01-03T12:00:00Z", id: "2026-W53", starts: "2026-12-28T00:00:00Z",
                ends: "2027-01-04T00:00:00Z"),
            Case(
                unit: .week, at: "2024-12-30T00:00:00Z", id: "2025-W01", starts: "2024-12-30T00:00:00Z",
                ends: "2025-01-06T00:00:00Z"),
            Case(
                unit: .month, at: "2026-11-30T23:59:59Z", id: "2026-11", starts: "2026-11-01T00:00:00Z",
                ends: "2026-12-01T00:00:00Z"),
            Case(
                billingDay: 15, unit: .month, at: "2026-12-14T23:00:00Z", id: "2026-11", starts: "2026-11-15T00:00:00Z",
                ends: "2026-12-15T00:00:00Z"),
            Case(
                billingDay: 31, unit: .month, at: "2028-03-01T00:00:00Z", id: "2028-02", starts: "2028-02-29T00:00:00Z",
                ends: "2028-03-31T00:00:00Z"),
            Case(
                billingDay: 30, unit: .month, at: "2026-02-27T23:59:59Z", id: "2026-01", starts: "2026-01-30T00:00:00Z",
                ends: "2026-02-28T00:00:00Z"),
            Case(
                resetHour: 23, billingDay: 29, unit: .month, at: "2100-02-28T22:59:59Z", id: "2100-01",
                starts: "2100-01-29T23:00:00Z", ends: "2100-02-28T23:00:00Z"),
            Case(
                unit: .day, at: "2028-02-29T12:00:00Z", id: "2028-02-29", starts: "2028-02-29T00:00:00Z",
                ends: "2028-03-01T00:00:00Z"),
            Case(
                unit: .day, at: "1969-12-31T23:59:59Z", id: "1969-12-31", starts: "1969-12-31T00:00:00Z",
                ends: "1970-01-01T00:00:00Z"),
        ])
    func utc(example: Case) throws { try check(example) }

    @Test(
        "where clocks change",
        arguments: [
            // Berlin: 02:00 → 03:00 on 29 March 2026, and 03:00 → 02:00 on 25 October.
            Case(
                zone: "Europe/Berlin", unit: .day, at: "2026-03-29T12:00:00Z", id: "2026-03-29",
                starts: "2026-03-28T23:00:00Z", ends: "2026-03-29T22:00:00Z"),
            Case(
                zone: "Europe/Berlin", resetHour: 2, unit: .day, at: "2026-03-29T01:00:00Z", id: "2026-03-29",
                starts: "2026-03-29T01:00:00Z", ends: "2026-03-30T00:00:00Z"),
            Case(
                zone: "Europe/Berlin", resetHour: 2, unit: .day, at: "2026-10-25T00:30:00Z", id: "2026-10-25",
                starts: "2026-10-25T00:00:00Z", ends: "2026-10-26T01:00:00Z"),
            Case(
                zone: "Europe/Berlin", resetHour: 2, unit: .day, at: "2026-10-25T01:30:00Z", id: "2026-10-25",
                starts: "2026-10-25T00:00:00Z", ends: "2026-10-26T01:00:00Z"),
            Case(
                zone: "Europe/Berlin", unit: .month, at: "2026-03-31T21:59:59Z", id: "2026-03",
                starts: "2026-02-28T23:00:00Z", ends: "2026-03-31T22:00:00Z"),
            Case(
                zone: "America/New_York", resetHour: 6, billingDay: 15, unit: .month, at: "2026-11-15T10:59:59Z",
                id: "2026-10", starts: "2026-10-15T10:00:00Z", ends: "2026-11-15T11:00:00Z"),
            // No midnight: 00:00 → 01:00 on 8 September 2024, and back from 24:00 to 23:00 on 6 April.
            Case(
                zone: "America/Santiago", unit: .day, at: "2024-09-08T12:00:00Z", id: "2024-09-08",
                starts: "2024-09-08T04:00:00Z", ends: "2024-09-09T03:00:00Z"),
            Case(
                zone: "America/Santiago", resetHour: 23, unit: .day, at: "2024-04-07T03:30:00Z", id: "2024-04-06",
                starts: "2024-04-07T02:00:00Z", ends: "2024-04-08T03:00:00Z"),
            Case(
                zone: "Asia/Beirut", unit: .day, at: "2026-03-28T22:00:00Z", id: "2026-03-29",
                starts: "2026-03-28T22:00:00Z", ends: "2026-03-29T21:00:00Z"),
            Case(
                zone: "Africa/Cairo", unit: .day, at: "2026-04-23T22:00:00Z", id: "2026-04-24",
                starts: "2026-04-23T22:00:00Z", ends: "2026-04-24T21:00:00Z"),
            // Clocks change by half an hour here.
            Case(
                zone: "Australia/Lord_Howe", resetHour: 2, unit: .day, at: "2026-10-03T15:30:00Z", id: "2026-10-04",
                starts: "2026-10-03T15:30:00Z", ends: "2026-10-04T15:00:00Z"),
        ])
    func clockChanges(example: Case) throws { try check(example) }

    @Test(
        "where a whole day was skipped, on 30 December 2011",
        arguments: [
            Case(
                zone: "Pacific/Apia", unit: .day, at: "2011-12-30T09:59:59Z", id: "2011-12-29",
                starts: "2011-12-29T10:00:00Z", ends: "2011-12-30T10:00:00Z"),
            Case(
                zone: "Pacific/Apia", unit: .day, at: "2011-12-30T10:00:00Z", id: "2011-12-31",
                starts: "2011-12-30T10:00:00Z", ends: "2011-12-31T10:00:00Z"),
            // The 29th lasts until clocks show 6 again.
            Case(
                zone: "Pacific/Apia", resetHour: 6, unit: .day, at: "2011-12-30T12:00:00Z", id: "2011-12-29",
                starts: "2011-12-29T16:00:00Z", ends: "2011-12-30T16:00:00Z"),
            Case(
                zone: "Pacific/Apia", billingDay: 30, unit: .month, at: "2011-12-30T10:00:00Z", id: "2011-12",
                starts: "2011-12-30T10:00:00Z", ends: "2012-01-29T10:00:00Z"),
        ])
    func skippedDay(example: Case) throws { try check(example) }

    private func check(_ example: Case) throws {
        let rules = try CalendarRules(
            timeZone: example.zone, resetHour: example.resetHour, billingDay: example.billingDay)
        let window = rules.window(example.unit, containing: try instant(example.at))
        let expected = CalendarWindow(
            id: example.id, startsAt: try instant(example.starts), endsAt: try instant(example.ends))
        #expect(window == expected)
    }

    @Test("a day begins at the first of two equal hours")
    func repeatedHour() throws {
        let rules = try CalendarRules(timeZone: "Europe/Berlin", resetHour: 2)
        let first = rules.window(.day, containing: try instant("2026-10-25T00:00:00Z"))
        let second = rules.window(.day, containing: try instant("2026-10-25T01:00:00Z"))
        #expect(first == second)
    }

    @Test("the millisecond before a start belongs to the previous window")
    func milliseconds() throws {
        let start = try instant("2026-11-20T00:00:00Z")
        #expect(CalendarRules.utc.window(.day, containing: start - 1).id == "2026-11-19")
        #expect(CalendarRules.utc.window(.day, containing: start).id == "2026-11-20")
        #expect(CalendarRules.utc.window(.day, containing: -1).id == "1969-12-31")
    }

    @Test("instants far out of range give a window and no trap", arguments: [Int64.min, Int64.max])
    func farOut(milliseconds: Int64) throws {
        let rules = try CalendarRules(timeZone: "Asia/Tokyo", resetHour: 5, billingDay: 31)
        for unit in CalendarUnit.allCases {
            let window = rules.window(unit, containing: milliseconds)
            #expect(window.startsAt < window.endsAt)
        }
    }

    @Test(
        "unknown time zones, and those without rules, are rejected",
        arguments: [
            "", "Mars/Base", "EST", "GMT+3", "utc", "Europe/berlin", "Europe/", "/", "America/New York", "local",
            "../UTC",
        ])
    func unknownZones(name: String) {
        #expect(throws: CalendarError.self) { try CalendarRules(timeZone: name) }
    }

    @Test(
        "IANA names are accepted",
        arguments: ["UTC", "Etc/UTC", "America/Argentina/Buenos_Aires", "Europe/Kyiv", "US/Eastern"])
    func knownZones(name: String) throws {
        #expect(try CalendarRules(timeZone: name).timeZone == name)
    }

    @Test(
        "hours and days out of range are rejected",
        arguments: [(-1, 1, "reset_hour"), (24, 1, "reset_hour"), (0, 0, "billing_day"), (0, 32, "billing_day")])
    func outOfRange(resetHour: Int, billingDay: Int, key: String) {
        let error = #expect(throws: CalendarError.self) {
            try CalendarRules(resetHour: resetHour, billingDay: billingDay)
        }
        #expect(error?.key == key)
    }
}

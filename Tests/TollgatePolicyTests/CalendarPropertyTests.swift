import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Calendar at random instants from 2000 to 2100")
struct CalendarPropertyTests {
    static let zones = [
        "UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Beirut", "Africa/Cairo",
        "Africa/Casablanca",
        "Pacific/Apia", "Pacific/Chatham", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana", "Asia/Gaza",
        "America/Sao_Paulo",
    ]
    static let instants: ClosedRange<Int64> = 946_684_800_000...4_102_444_800_000

    @Test("a window holds its instant, and the next one begins where it ends and sorts after", arguments: zones)
    func windowsTile(zone: String) throws {
        var random = SeededGenerator(seed: 3)
        for resetHour in [0, 1, 2, 3, 6, 23] {
            for billingDay in [1, 15, 29, 31] {
                let rules = try CalendarRules(timeZone: zone, resetHour: resetHour, billingDay: billingDay)
                for _ in 0..<12 {
                    for unit in CalendarUnit.allCases {
                        checkTiling(rules, unit, .random(in: Self.instants, using: &random))
                    }
                }
            }
        }
    }

    private func checkTiling(_ rules: CalendarRules, _ unit: CalendarUnit, _ instant: Int64) {
        let window = rules.window(unit, containing: instant)
        let next = rules.window(unit, containing: window.endsAt)
        #expect(window.startsAt <= instant && instant < window.endsAt, "\(rules) \(unit) \(instant)")
        #expect(next.startsAt == window.endsAt, "\(rules) \(unit) \(instant)")
        #expect(window.id < next.id, "\(rules) \(unit) \(instant)")
        #expect(rules.window(unit, containing: window.startsAt) == window, "\(rules) \(unit) \(instant)")
        #expect(rules.window(unit, containing: window.endsAt - 1) == window, "\(rules) \(unit) \(instant)")
    }

    @Test("every day of the years with odd clock changes follows the one before", arguments: zones)
    func everyDay(zone: String) throws {
        for resetHour in [0, 2, 23] {
            let rules = try CalendarRules(timeZone: zone, resetHour: resetHour)
            for (from, to) in [
                ("2011-11-01T00:00:00Z", "2012-02-01T00:00:00Z"), ("2024-02-15T00:00:00Z", "2024-05-15T00:00:00Z"),
            ] {
                var window = rules.window(.day, containing: try instant(from))
                let end = try instant(to)
                while window.endsAt < end {
                    let next = rules.window(.day, containing: window.endsAt)
                    #expect(next.startsAt == window.endsAt)
                    #expect(window.id < next.id)
                    #expect((22...26).contains((next.endsAt - next.startsAt) / 3_600_000), "\(zone) \(next)")
                    window = next
                }
            }
        }
    }

    @Test("agrees with Foundation's calendar about the local date and hour of every start", arguments: zones)
    func agreesWithFoundation(zone: String) throws {
        var random = SeededGenerator(seed: 4)
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: zone))
        let rules = try CalendarRules(timeZone: zone, resetHour: 5)
        for _ in 0..<150 {
            // No zone changes its clocks at five, so each window begins exactly at five on its date.
            let day = rules.window(.day, containing: .random(in: Self.instants, using: &random))
            let start = Date(timeIntervalSince1970: Double(day.startsAt / 1_000))
            let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute], from: start)
            let year = try #require(parts.year)
            let date = try #require(parts.month.flatMap { month in parts.day.map { (month, $0) } })
            #expect(day.id == String(format: "%04d-%02d-%02d", year, date.0, date.1))
            #expect(parts.hour == 5 && parts.minute == 0)

            let week = rules.window(.week, containing: day.startsAt)
            let monday = Date(timeIntervalSince1970: Double(week.startsAt / 1_000))
            #expect(calendar.component(.weekday, from: monday) == 2)
            var iso = Calendar(identifier: .iso8601)
            iso.timeZone = calendar.timeZone
            let number = iso.component(.weekOfYear, from: monday)
            #expect(week.id == String(format: "%04d-W%02d", iso.component(.yearForWeekOfYear, from: monday), number))
        }
    }
}

import Foundation
import TollgateCore
import TollgatePolicy

/// Formats instants, in Unix milliseconds, in the time zone of a calendar.
struct LocalTime: Sendable {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The name of the time zone, such as `Europe/Berlin`.
    let timeZone: String
    private let zone: TimeZone

    /// Creates a formatter for the time zone of calendar rules.
    init(_ rules: CalendarRules) {
        timeZone = rules.timeZone
        zone = TimeZone(identifier: rules.timeZone) ?? .gmt
    }

    /// Returns the time of day: `14:03:10`.
    func time(_ milliseconds: Int64) -> String {
        let (_, second) = local(milliseconds)
        return "\(Self.hourAndMinute(second)):\(Self.twoDigits(second % 60))"
    }

    /// Returns the date and the time: `30 Nov 14:03`. With the year if it is not the current one: `30 Nov 2025 14:03`.
    func dateAndTime(_ milliseconds: Int64, now: Int64) -> String {
        let (date, second) = local(milliseconds)
        let year = date.year == local(now).date.year ? "" : " \(date.year)"
        return "\(Self.dayAndMonth(date))\(year) \(Self.hourAndMinute(second))"
    }

    /// The local date, and the second of the day.
    private func local(_ milliseconds: Int64) -> (date: CivilDate, second: Int64) {
        let instant = Self.bounded(milliseconds) / 1_000
        let offset = zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(instant)))
        let seconds = instant + Int64(offset)
        let days = floorDivide(seconds, 86_400)
        return (CivilDate(daysSinceEpoch: days), seconds - days * 86_400)
    }
}

// MARK: - Without a time zone

extension LocalTime {
    /// Returns the instant in UTC for the attribute `datetime`: `2026-11-30T13:03:10Z`.
    static func iso(_ milliseconds: Int64) -> String {
        // Unlike the times of alerts, times on pages are rounded down.
        UTCTime.wholeSeconds(milliseconds: bounded(milliseconds) / 1_000 * 1_000)
    }

    /// Returns the instant in UTC for the attribute `title`: `2026-11-30 13:03:10 UTC`.
    static func utc(_ milliseconds: Int64) -> String {
        let parts = iso(milliseconds).split(separator: "T")
        return "\(parts[0]) \(parts[1].dropLast()) UTC"
    }

    /// Returns a length of time in its largest unit, rounded down: `12 s`, `3 min`, `2 h`, `5 d`. A negative one counts
    /// as 0.
    static func age(milliseconds: Int64) -> String {
        let seconds = max(milliseconds, 0) / 1_000
        return switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3_600: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3_600) h"
        default: "\(NumberText.grouped(seconds / 86_400)) d"
        }
    }

    /// Returns the label of a calendar window in charts: `12 Nov` for a day, `Nov 2026` for a month, and the id for a
    /// week.
    static func label(of window: CalendarWindow) -> String {
        if let day = CalendarUnit.day.number(ofID: window.id) {
            return dayAndMonth(CivilDate(daysSinceEpoch: day))
        }
        guard let month = CalendarUnit.month.number(ofID: window.id) else { return window.id }
        return "\(months[Int(month % 12)]) \(month / 12)"
    }

    private static func bounded(_ milliseconds: Int64) -> Int64 {
        min(max(milliseconds, UTCTime.range.lowerBound), UTCTime.range.upperBound)
    }

    private static func dayAndMonth(_ date: CivilDate) -> String { "\(date.day) \(months[Int(date.month) - 1])" }

    private static func hourAndMinute(_ second: Int64) -> String {
        "\(twoDigits(second / 3_600)):\(twoDigits(second / 60 % 60))"
    }

    private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

import Foundation

/// When days, weeks and months begin: the time zone, the hour of the reset, and the day on which months start.
///
/// A value without state; the same instant gives the same window in every process that has the same time zone data.
package struct CalendarRules: Sendable, Hashable {
    /// An IANA name such as `America/New_York`, or `UTC`.
    package let timeZone: String
    /// The local hour at which every window begins, 0 … 23.
    package let resetHour: Int
    /// The day on which months begin, 1 … 31; 29 to 31 fall on the last day of shorter months.
    package let billingDay: Int

    let zone: TimeZone

    /// Midnight of the first of the month in UTC.
    package static let utc = CalendarRules(zone: .gmt)

    private init(zone: TimeZone) {
        self.timeZone = "UTC"
        self.resetHour = 0
        self.billingDay = 1
        self.zone = zone
    }

    /// Throws `CalendarError` on a time zone that is not known, or a number out of its range.
    package init(timeZone: String = "UTC", resetHour: Int = 0, billingDay: Int = 1) throws(CalendarError) {
        guard let zone = Self.zone(named: timeZone) else {
            throw CalendarError(
                key: "timezone",
                explanation: "unknown time zone \(timeZone); expected UTC or an IANA name such as Europe/Berlin")
        }
        guard (0...23).contains(resetHour) else {
            throw CalendarError(key: "reset_hour", explanation: "expected a whole number from 0 to 23")
        }
        guard (1...31).contains(billingDay) else {
            throw CalendarError(key: "billing_day", explanation: "expected a whole number from 1 to 31")
        }
        self.timeZone = timeZone
        self.resetHour = resetHour
        self.billingDay = billingDay
        self.zone = zone
    }

    /// Foundation also takes `EST` and `GMT+3`, which have no rules for daylight saving: only UTC and names of the form
    /// Area/Place are let through.
    private static func zone(named name: String) -> TimeZone? {
        if name == "UTC" { return .gmt }
        guard name.contains("/") else { return nil }
        return TimeZone(identifier: name)
    }
}

/// What is wrong with calendar rules.
package struct CalendarError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The key of the policy file: `timezone`, `reset_hour` or `billing_day`.
    package let key: String
    /// What was expected.
    package let explanation: String

    /// `reset_hour: expected a whole number from 0 to 23`
    package var description: String { "\(key): \(explanation)" }
}

/// The period over which a limit counts: a sliding window for a duration, a calendar period for a name.
public enum Period: Sendable, Hashable {
    /// A single request.
    case request
    /// A sliding window of 1 … 2 678 400 seconds (31 days).
    case sliding(seconds: Int64)
    case day
    case week
    case month
    /// All time.
    case total
    /// The time for which a reservation is open. Only `concurrent` counts over it, and no text of a policy names it.
    case reservation

    /// The maximum length of a sliding window, in seconds: 31 days.
    package static let maxWindow: Int64 = 31 * 86_400

    /// The calendar unit; nil for a period that is not a calendar period.
    package var calendarUnit: CalendarUnit? {
        switch self {
        case .day: .day
        case .week: .week
        case .month: .month
        case .request, .sliding, .total, .reservation: nil
        }
    }

    /// The error of a text that is not a period.
    package struct ParsingError: Error, Equatable, Sendable {
        /// The end of a sentence that begins with the text.
        package let explanation: String
    }

    /// Parses `request`, `day`, `week`, `month`, `total`, or a duration such as `90s`, `1m`, `24h`, `31d`.
    package init(parsing text: some StringProtocol) throws(ParsingError) {
        switch text {
        case "request": self = .request
        case "day": self = .day
        case "week": self = .week
        case "month": self = .month
        case "total": self = .total
        default:
            do throws(ParsingError) {
                self = .sliding(seconds: try Self.seconds(parsing: text))
            } catch {
                guard let meant = PeriodSpelling.suggestion(for: text) else { throw error }
                throw ParsingError(explanation: "did you mean \(meant)? (\(Self.expected))")
            }
        }
    }

    /// The periods that are names.
    static let names = ["day", "week", "month", "total", "request"]

    /// What a period can be, for error messages.
    private static let expected =
        "expected request, day, week, month, total, or a duration such as 30s, 1m, 24h, 7d"

    static func seconds(parsing text: some StringProtocol) throws(ParsingError) -> Int64 {
        let unit: Int64
        switch text.last {
        case "s": unit = 1
        case "m": unit = 60
        case "h": unit = 3_600
        case "d": unit = 86_400
        default:
            throw ParsingError(explanation: Self.expected)
        }
        let digits = text.dropLast()
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let count = Int64(digits) else {
            throw ParsingError(explanation: "expected a whole number before the unit \(text.suffix(1))")
        }
        let (seconds, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow, seconds >= 1, seconds <= maxWindow else {
            throw ParsingError(explanation: durationRange)
        }
        return seconds
    }

    /// The sentence about a duration that is out of range.
    package static let durationRange = "a duration is 1s to 31d"

    /// Whether a text is a duration such as `90d`, but no period can be as short or as long.
    package static func isDurationOutOfRange(_ text: some StringProtocol) -> Bool {
        do throws(ParsingError) {
            _ = try seconds(parsing: text)
            return false
        } catch {
            return error.explanation == durationRange
        }
    }
}

extension Period: CustomStringConvertible {
    /// The canonical name of a period. A duration is in the largest unit that divides it; one day is `24h`, to
    /// distinguish it from the calendar `day`.
    public var description: String {
        switch self {
        case .request: "request"
        case .day: "day"
        case .week: "week"
        case .month: "month"
        case .total: "total"
        case .reservation: "reservation"
        case .sliding(let seconds):
            if seconds % 86_400 == 0, seconds > 86_400 {
                "\(seconds / 86_400)d"
            } else if seconds % 3_600 == 0 {
                "\(seconds / 3_600)h"
            } else if seconds % 60 == 0 {
                "\(seconds / 60)m"
            } else {
                "\(seconds)s"
            }
        }
    }
}

/// The calendar units of limits and of history.
package enum CalendarUnit: String, Sendable, CaseIterable {
    case day
    case week
    case month
}

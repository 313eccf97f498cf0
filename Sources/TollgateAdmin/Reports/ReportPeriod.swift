import TollgateCore
import TollgatePolicy

/// The range of days or months of a report.
struct ReportPeriod {
    var unit: CalendarUnit
    var numbers: ClosedRange<Int64>
    /// The first id.
    var from: String
    var to: String

    /// The default and the maximum number of days or months.
    private static func bounds(_ unit: CalendarUnit) -> (standard: Int64, max: Int64) {
        unit == .day ? (30, 366) : (12, 60)
    }

    /// Reads `from=` and `to=`. The default range ends with the current day or month.
    init(_ unit: CalendarUnit, _ query: Query, _ calendar: CalendarRules, at now: Int64) throws(Problem) {
        self.unit = unit
        let bounds = Self.bounds(unit)
        let current = calendar.window(unit, containing: now).id
        to = query["to"] ?? current
        let last = try Self.number("to", to, unit)
        let first =
            if let id = query["from"] { try Self.number("from", id, unit) } else { last - bounds.standard + 1 }
        from = calendar.id(unit, first)
        guard first <= last else { throw .badRequest("from: \(from) is after \(to)") }
        guard last - first < bounds.max else {
            throw .badRequest("from: \(last - first + 1) \(unit.rawValue)s up to \(to); expected at most \(bounds.max)")
        }
        numbers = first...last
    }

    private static func number(_ key: String, _ id: String, _ unit: CalendarUnit) throws(Problem) -> Int64 {
        guard let number = unit.number(ofID: id) else {
            throw .badRequest("\(key): expected a \(unit.rawValue) such as \(unit == .day ? "2026-11-20" : "2026-11")")
        }
        return number
    }
}

/// The calendar of a report.
struct ReportCalendar {
    var rules: CalendarRules
    /// Whether requests with other roles or another email address may have been counted in another calendar.
    var dependsOnTraits: Bool

    /// Resolves the calendar of a scope.
    ///
    /// - Parameter settings: The settings of the scope that administrators have made.
    init(of scope: Scope, _ settings: ScopeSettings, _ traits: UserTraits, in policy: Policy, at now: Int64) {
        let found = policy.rules(for: scope, settings: settings, traits: traits, at: now)
        rules = found.calendar
        let tiers = traits == .none ? policy.tiersByTraits(of: scope, assignment: settings.assignment) : []
        dependsOnTraits = tiers.contains { tier, _ in
            tier.map { $0.tier.calendar(over: policy.calendar) != found.calendar } ?? false
        }
    }
}

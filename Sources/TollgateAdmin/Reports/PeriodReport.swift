import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

/// The usage of a scope per day or month.
struct PeriodReport {
    struct Row {
        var window: CalendarWindow
        var page: HistoryRecord
    }

    var scope: Scope
    /// The unit of a row: day or month.
    var unit: CalendarUnit
    var calendar: ReportCalendar
    var currency: String
    /// The requested range of ids. Days that the time zone skipped have no row.
    var from: String
    var to: String
    /// The first retained day or month. Earlier usage is unknown, and its rows are zero.
    var retainedFrom: String
    /// The dimension of the split, or nil.
    var dimension: HistoryDimension?
    var rows: [Row]

    /// The sum of all rows.
    var total: HistoryRecord { .sum(of: rows.map(\.page)) }

    /// Returns the parts of a record, or nil if the report is not split.
    func shares(of page: HistoryRecord) -> [HistoryShare]? {
        dimension.map { page.shares(by: $0, of: scope) }
    }
}

/// The scopes of a kind with the highest usage of a meter on a day.
struct RankingReport {
    var kind: ScopeKind
    var meter: HistoryMeter
    var day: String
    /// The first retained day.
    var retainedFrom: String
    var calendar: CalendarRules
    var currency: String
    var items: [RankedScope]
}

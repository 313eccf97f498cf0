import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

/// What a scope used day by day, or month by month.
struct PeriodReport {
    struct Row {
        var window: CalendarWindow
        var page: HistoryRecord
    }

    var scope: Scope
    /// Days or months.
    var unit: CalendarUnit
    var calendar: ReportCalendar
    var currency: String
    /// The ids that were asked for; days that the zone skipped have no row.
    var from: String
    var to: String
    /// The first day or month that is still kept; of those before it nothing is known, and their rows have zeros.
    var keptFrom: String
    /// What rows are split by.
    var dimension: HistoryDimension?
    var rows: [Row]

    /// All rows together.
    var total: HistoryRecord { .sum(of: rows.map(\.page)) }

    /// Nil where nothing is split.
    func shares(of page: HistoryRecord) -> [HistoryShare]? {
        dimension.map { page.shares(by: $0, of: scope) }
    }
}

/// The day's scopes of a kind that used most of a meter.
struct RankingReport {
    var kind: ScopeKind
    var meter: HistoryMeter
    var day: String
    /// The first day that is still kept.
    var keptFrom: String
    var calendar: CalendarRules
    var currency: String
    var items: [RankedScope]
}

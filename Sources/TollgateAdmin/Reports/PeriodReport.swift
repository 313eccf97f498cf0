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
    var moneyUnit: MoneyUnit
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
    var moneyUnit: MoneyUnit
    var items: [RankedScope]
}

extension PeriodReport: Encodable {
    /// Encodes
    /// `{"scope":"user:alice","currency":"USD","decimals":9,"timezone":"UTC","depends_on_role_or_email":false,"by":"provider",`
    /// `"from":…,"to":…,"kept_from":…,"days":[…],"total":{…}}`.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: JSONKey.self)
        try container.encode(scope.description, forKey: JSONKey("scope"))
        try container.encode(currency, forKey: JSONKey("currency"))
        try container.encode(moneyUnit.decimals, forKey: JSONKey("decimals"))
        try container.encode(calendar.rules.timeZone, forKey: JSONKey("timezone"))
        try container.encode(calendar.dependsOnTraits, forKey: JSONKey("depends_on_role_or_email"))
        try container.encode(dimension?.name, forKey: JSONKey("by"))
        try container.encode(from, forKey: JSONKey("from"))
        try container.encode(to, forKey: JSONKey("to"))
        try container.encode(retainedFrom, forKey: JSONKey("kept_from"))
        try container.encode(
            rows.map { PageNumbersView(report: self, window: $0.window, page: $0.page) },
            forKey: JSONKey("\(unit.rawValue)s"))
        try container.encode(PageNumbersView(report: self, window: nil, page: total), forKey: JSONKey("total"))
    }
}

/// The amounts of a day, a month or the total, with their split.
private struct PageNumbersView: Encodable {
    var report: PeriodReport
    var window: CalendarWindow?
    var page: HistoryRecord

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: JSONKey.self)
        if let window {
            try container.encode(window.id, forKey: JSONKey(report.unit.rawValue))
            try container.encode(Instant.text(milliseconds: window.startsAt), forKey: JSONKey("starts_at"))
            try container.encode(Instant.text(milliseconds: window.endsAt), forKey: JSONKey("ends_at"))
        }
        try container.encode(page.total, in: report.moneyUnit)
        let shares = report.shares(of: page)?.map {
            ShareView(dimension: report.dimension?.name ?? "", share: $0, moneyUnit: report.moneyUnit)
        }
        try container.encode(shares, forKey: JSONKey("by"))
    }
}

/// A part of a split: `{"provider":"openai","is_other":false,"requests":12,…}`
private struct ShareView: Encodable {
    var dimension: String
    var share: HistoryShare
    var moneyUnit: MoneyUnit

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: JSONKey.self)
        let name: String? =
            switch share.name {
            case .label(let label): label
            case .other: "other"
            case .unnamed: nil
            }
        try container.encode(name, forKey: JSONKey(dimension))
        try container.encode(share.name == .other, forKey: JSONKey("is_other"))
        try container.encode(share.amounts, in: moneyUnit)
    }
}

extension KeyedEncodingContainer<JSONKey> {
    /// Encodes each meter under its name: whole numbers, and the cost as decimal text.
    mutating func encode(_ amounts: HistoryAmounts, in unit: MoneyUnit) throws {
        for meter in HistoryMeter.allCases {
            if meter == .cost {
                try encode(amounts.text(of: meter, in: unit), forKey: JSONKey(meter.name))
            } else {
                try encode(amounts[meter], forKey: JSONKey(meter.name))
            }
        }
    }
}

/// Amounts on their own: `{"requests":12,…}`
struct AmountsView: Encodable {
    var amounts: HistoryAmounts
    var moneyUnit: MoneyUnit

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: JSONKey.self)
        try container.encode(amounts, in: moneyUnit)
    }
}

extension RankingReport: Encodable {
    /// Encodes
    /// `{"kind":"user","meter":"cost","day":"2026-11-20","kept_from":"2026-10-17","currency":"USD","timezone":"UTC","items":[…]}`.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: JSONKey.self)
        try container.encode(kind.description, forKey: JSONKey("kind"))
        try container.encode(meter.name, forKey: JSONKey("meter"))
        try container.encode(day, forKey: JSONKey("day"))
        try container.encode(retainedFrom, forKey: JSONKey("kept_from"))
        try container.encode(currency, forKey: JSONKey("currency"))
        try container.encode(moneyUnit.decimals, forKey: JSONKey("decimals"))
        try container.encode(calendar.timeZone, forKey: JSONKey("timezone"))
        let views = items.enumerated().map {
            RankView(rank: $0.offset + 1, item: $0.element, moneyUnit: moneyUnit)
        }
        try container.encode(views, forKey: JSONKey("items"))
    }
}

/// A row of a ranking: `{"rank":1,"scope":"user:alice","requests":12,…}`
private struct RankView: Encodable {
    var rank: Int
    var item: RankedScope
    var moneyUnit: MoneyUnit

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: JSONKey.self)
        try container.encode(rank, forKey: JSONKey("rank"))
        try container.encode(item.scope.description, forKey: JSONKey("scope"))
        try container.encode(item.amounts, in: moneyUnit)
    }
}

import TollgateCore
import TollgatePolicy
import TollgateStores

extension PeriodReport: Encodable {
    /// Encodes
    /// `{"scope":"user:alice","currency":"USD","timezone":"UTC","depends_on_role_or_email":false,"by":"provider",`
    /// `"from":…,"to":…,"kept_from":…,"days":[…],"total":{…}}`.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: JSONKey.self)
        try container.encode(scope.description, forKey: JSONKey("scope"))
        try container.encode(currency, forKey: JSONKey("currency"))
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
        try container.encode(page.total)
        let shares = report.shares(of: page)?.map { ShareView(dimension: report.dimension?.name ?? "", share: $0) }
        try container.encode(shares, forKey: JSONKey("by"))
    }
}

/// A part of a split: `{"provider":"openai","is_other":false,"requests":12,…}`
private struct ShareView: Encodable {
    var dimension: String
    var share: HistoryShare

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
        try container.encode(share.amounts)
    }
}

extension KeyedEncodingContainer<JSONKey> {
    /// Encodes each meter under its name: whole numbers, and the cost as decimal text.
    mutating func encode(_ amounts: HistoryAmounts) throws {
        for meter in HistoryMeter.allCases {
            if meter == .cost {
                try encode(meter.text(amounts[meter]), forKey: JSONKey(meter.name))
            } else {
                try encode(amounts[meter], forKey: JSONKey(meter.name))
            }
        }
    }
}

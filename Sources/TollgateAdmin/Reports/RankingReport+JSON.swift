import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

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
        try container.encode(calendar.timeZone, forKey: JSONKey("timezone"))
        let views = items.enumerated().map { RankView(rank: $0.offset + 1, item: $0.element) }
        try container.encode(views, forKey: JSONKey("items"))
    }
}

/// A row of a ranking: `{"rank":1,"scope":"user:alice","requests":12,…}`
private struct RankView: Encodable {
    var rank: Int
    var item: RankedScope

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: JSONKey.self)
        try container.encode(rank, forKey: JSONKey("rank"))
        try container.encode(item.scope.description, forKey: JSONKey("scope"))
        try container.encode(item.amounts)
    }
}

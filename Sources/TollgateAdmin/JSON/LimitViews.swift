import TollgateCore
import TollgateLedger
import TollgatePolicy

/// An active limit of a scope: `{"limit":"cost/month","max":"500","mode":"enforce","source":…,"origin":"admin"}`
struct EffectiveLimitView: Encodable {
    var effective: EffectiveLimit

    init(_ effective: EffectiveLimit) {
        self.effective = effective
    }

    enum CodingKeys: String, CodingKey {
        case limit, max, mode, counts, source, origin
        case setting = "as_set"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        let limit = effective.limit
        try container.encode(limit.name, forKey: .limit)
        try container.encode(limit.json(limit.max), forKey: .max)
        try container.encode(limit.mode.rawValue, forKey: .mode)
        try container.encode(effective.counts.rawValue, forKey: .counts)
        try container.encode(effective.source.explanation, forKey: .source)
        try container.encode(effective.source.origin, forKey: .origin)
        try container.encode(LimitsJSON.Value(limit: limit), forKey: .setting)
    }
}

/// An active limit with its usage. Every item has all keys; missing values are null.
struct UsageItemView: Encodable {
    var item: ScopeUsage.Item

    init(_ item: ScopeUsage.Item) {
        self.item = item
    }

    enum CodingKeys: String, CodingKey {
        case used, held, remaining, percent
        case resetsAt = "resets_at"
    }

    func encode(to encoder: any Encoder) throws {
        try EffectiveLimitView(item.limit).encode(to: encoder)
        let limit = item.limit.limit
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(limit.json(item.used), forKey: .used)
        try container.encode(limit.json(item.held), forKey: .held)
        try container.encode(limit.json(item.remaining), forKey: .remaining)
        try container.encode(item.percent, forKey: .percent)
        try container.encode(item.resetsAt.map(Instant.text(milliseconds:)), forKey: .resetsAt)
    }
}

import Foundation
import TollgateCore
package import TollgateLedger
import TollgatePolicy

/// The reply to USAGE, as one JSON object. Counts are numbers. Money is decimal text, so that no reader converts it to
/// a double.
package struct UsageReport: Encodable {
    struct Item: Encodable {
        var limit: String
        var max: AmountJSON?
        var used: AmountJSON
        var held: AmountJSON
        var remaining: AmountJSON?
        /// Used and held as a percentage of max, rounded down to a tenth; nil if max is missing or 0.
        var percent: Double?
        /// The end of the period, ISO 8601 in UTC.
        var resetsAt: String?
        var mode: String
        var source: String

        enum CodingKeys: String, CodingKey {
            case limit, max, used, held, remaining, percent, mode, source
            case resetsAt = "resets_at"
        }

        /// Encodes every key in every item, with null for a missing value.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(limit, forKey: .limit)
            try container.encode(max, forKey: .max)
            try container.encode(used, forKey: .used)
            try container.encode(held, forKey: .held)
            try container.encode(remaining, forKey: .remaining)
            try container.encode(percent, forKey: .percent)
            try container.encode(resetsAt, forKey: .resetsAt)
            try container.encode(mode, forKey: .mode)
            try container.encode(source, forKey: .source)
        }
    }

    var scope: String
    var limits: [Item]

    /// Creates the reply about a scope.
    package init(_ usage: ScopeUsage) {
        scope = usage.scope.description
        limits = usage.items.map(Item.init)
    }
}

extension UsageReport.Item {
    init(_ item: ScopeUsage.Item) {
        let limit = item.limit.limit
        self.limit = limit.name
        max = limit.max.map(limit.json)
        used = limit.json(item.used)
        held = limit.json(item.held)
        remaining = item.remaining.map(limit.json)
        percent = item.percent
        resetsAt = item.resetsAt.map {
            Date(timeIntervalSince1970: Double($0) / 1_000).ISO8601Format()
        }
        mode = limit.mode.rawValue
        source = item.limit.source.explanation
    }
}

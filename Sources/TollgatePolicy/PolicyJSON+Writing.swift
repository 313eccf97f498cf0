import Foundation
import TollgateCore

/// Limits as the policy file and the API have them: `{"cost":{"month":"100.5"},"requests":{"1m":60}}`. Money is text, so that no
/// reader passes it through a double.
package struct LimitsJSON: Encodable {
    var limits: [Limit]

    package init(_ limits: [Limit]) {
        self.limits = limits
    }

    struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ text: String) { stringValue = text }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    package func encode(to encoder: any Encoder) throws {
        var meters = encoder.container(keyedBy: Key.self)
        for meter in Meter.allCases {
            let limits = limits.filter { $0.meter == meter }
            guard let first = limits.first else { continue }
            guard meter != .concurrent else {
                try meters.encode(Value(limit: first), forKey: Key(meter.name))
                continue
            }
            var periods = meters.nestedContainer(keyedBy: Key.self, forKey: Key(meter.name))
            for limit in limits { try periods.encode(Value(limit: limit), forKey: Key(limit.period.description)) }
        }
    }

    /// A max alone, or with what else the limit says.
    private struct Value: Encodable {
        var limit: Limit

        func encode(to encoder: any Encoder) throws {
            guard limit.mode != .enforce || limit.thresholds != nil || limit.onRedisFailure != nil else {
                return try AmountJSON(limit.meter, limit.max).encode(to: encoder)
            }
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(AmountJSON(limit.meter, limit.max), forKey: Key("max"))
            try container.encode(limit.mode.rawValue, forKey: Key("mode"))
            try container.encodeIfPresent(limit.thresholds, forKey: Key("thresholds"))
            try container.encodeIfPresent(limit.onRedisFailure?.rawValue, forKey: Key("on_redis_failure"))
        }
    }
}

/// What the bodies of the admin API say, as they are stored and given back. Each is read again by the function of the same name
/// in `PolicyJSON`.
package struct TierJSON: Encodable {
    var name: String?
    var limits: LimitsJSON
    var timezone: String?
    var resetHour: Int?
    var billingDay: Int?

    enum CodingKeys: String, CodingKey {
        case name, limits, timezone
        case resetHour = "reset_hour"
        case billingDay = "billing_day"
    }

    package init(_ tier: Tier) {
        name = tier.name
        limits = LimitsJSON(tier.limits)
        timezone = tier.timeZone
        resetHour = tier.resetHour
        billingDay = tier.billingDay
    }
}

package struct AssignmentJSON: Encodable {
    var tier: String
    var priority: Int
    var enabled: Bool

    package init(_ assignment: Assignment) {
        tier = assignment.tier
        priority = assignment.priority
        enabled = assignment.isEnabled
    }
}

package struct OverrideJSON: Encodable {
    var limits: LimitsJSON?
    var add: [String: AmountJSON]?
    /// ISO 8601, UTC.
    var expiresAt: String
    var reason: String

    enum CodingKeys: String, CodingKey {
        case limits, add, reason
        case expiresAt = "expires_at"
    }

    package init(_ override: Override) {
        limits = override.limits.isEmpty ? nil : LimitsJSON(override.limits)
        if !override.additions.isEmpty {
            add = Dictionary(
                uniqueKeysWithValues: override.additions.map {
                    (Limit($0.meter, $0.period, max: nil).name, AmountJSON($0.meter, $0.amount))
                })
        }
        expiresAt = Date(timeIntervalSince1970: Double(override.expiresAt / 1_000)).ISO8601Format()
        reason = override.reason
    }
}

extension PolicyJSON {
    /// One line, keys in alphabetical order.
    package static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

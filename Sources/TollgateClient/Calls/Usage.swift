public import Foundation
public import TollgateCore

/// How much of each of its limits a scope has used, as `USAGE` tells it. A plain value.
public struct Usage: Sendable, Equatable, Decodable {
    /// The text of the scope: `user:alice`.
    public let scope: String
    /// In the order of the policy; empty when no limit applies.
    public let limits: [LimitUsage]

    /// One limit and what counts against it.
    public struct LimitUsage: Sendable, Equatable {
        /// `requests/1m`, `cost/day`
        public let limit: String
        /// Nil when the limit is unlimited.
        public let max: Quantity?
        /// What counts against the limit now.
        public let used: Quantity
        /// Kept back by open reservations.
        public let held: Quantity
        /// Nil when the limit is unlimited.
        public let remaining: Quantity?
        /// Used and held, of 100; nil when the limit is unlimited.
        public let percent: Double?
        /// When the period ends; nil where it does not.
        public let resetsAt: Date?
        /// `enforce` or `shadow`.
        public let mode: String
        /// Which part of the policy gave the limit.
        public let source: String
    }

    static func decode(_ json: String) throws -> Usage {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return try decoder.decode(Usage.self, from: Data(json.utf8))
    }
}

extension Usage.LimitUsage: Decodable {
    private enum CodingKeys: String, CodingKey {
        case limit, max, used, held, remaining, percent, mode, source
        case resetsAt = "resets_at"
    }

    /// Reads what the sidecar writes: whole numbers, decimal strings for cost, null where there is nothing to say.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        limit = try fields.decode(String.self, forKey: .limit)
        max = try fields.decodeIfPresent(AnyQuantity.self, forKey: .max)?.quantity
        used = try fields.decode(AnyQuantity.self, forKey: .used).quantity
        held = try fields.decodeIfPresent(AnyQuantity.self, forKey: .held)?.quantity ?? Quantity("0")
        remaining = try fields.decodeIfPresent(AnyQuantity.self, forKey: .remaining)?.quantity
        percent = try fields.decodeIfPresent(Double.self, forKey: .percent)
        resetsAt = try fields.decodeIfPresent(Date.self, forKey: .resetsAt)
        mode = try fields.decode(String.self, forKey: .mode)
        source = try fields.decode(String.self, forKey: .source)
    }

    /// A whole number, or decimal text.
    private struct AnyQuantity: Decodable {
        var quantity: Quantity

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let text = try? value.decode(String.self) {
                quantity = Quantity(text)
            } else {
                quantity = Quantity(String(try value.decode(Int64.self)))
            }
        }
    }
}

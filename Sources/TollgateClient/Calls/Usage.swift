public import Foundation
public import TollgateCore

/// The usage of a scope under each of its limits, as USAGE reports it.
public struct Usage: Sendable, Equatable, Decodable {
    /// The scope, such as `user:alice`.
    public let scope: String
    /// The limits in the order of the policy. Empty if no limit applies.
    public let limits: [LimitUsage]

    /// A limit and its current usage.
    public struct LimitUsage: Sendable, Equatable {
        /// The name of the limit, such as `requests/1m` or `cost/day`.
        public let limit: String
        /// The maximum. Nil if the limit is unlimited.
        public let max: Quantity?
        /// The amount that counts against the limit now.
        public let used: Quantity
        /// The amount that open reservations hold.
        public let held: Quantity
        /// The remaining amount. Nil if the limit is unlimited.
        public let remaining: Quantity?
        /// Used and held amounts as a percentage of the maximum. Nil if the limit is unlimited.
        public let percent: Double?
        /// The end of the period. Nil if the period does not end.
        public let resetsAt: Date?
        /// The mode, `enforce` or `shadow`.
        public let mode: String
        /// The part of the policy that defines the limit.
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

    /// Decodes the sidecar's JSON: whole numbers, decimal strings for cost, and null.
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

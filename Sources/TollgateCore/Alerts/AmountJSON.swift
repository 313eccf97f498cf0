/// An amount as JSON: a whole number, decimal text for money, or null.
package struct AmountJSON: Encodable {
    private let meter: Meter
    private let amount: Int64?
    private let unit: MoneyUnit

    /// Creates the JSON of an amount. The unit is that of `cost`.
    package init(_ meter: Meter, _ amount: Int64?, in unit: MoneyUnit) {
        self.meter = meter
        self.amount = amount
        self.unit = unit
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        guard let amount else { return try container.encodeNil() }
        if meter == .cost { try container.encode(unit.text(amount)) } else { try container.encode(amount) }
    }
}

extension KeyedDecodingContainer {
    /// Decodes amounts that ``AmountJSON`` encodes, and the unit of those of `cost`: the finest one in which they fit.
    /// Unlike the amount of a request, they may exceed `Meter.maxAmount`: counters add up.
    func amounts(of meter: Meter, forKeys keys: [Key]) throws -> (amounts: [Int64], unit: MoneyUnit) {
        guard meter == .cost else {
            let amounts = try keys.map { key in
                let amount = try decode(Int64.self, forKey: key)
                guard amount >= 0 else { throw wrong(key, "expected no less than 0") }
                return amount
            }
            return (amounts, .nano)
        }
        let sums = try keys.map { key in
            let sum = try parsed(forKey: key) { try Money(parsing: $0) }
            guard sum.nanos >= 0 else { throw wrong(key, "expected no less than 0") }
            return sum
        }
        guard let unit = MoneyUnit.finest(for: sums) else { throw wrong(keys[0], "too large") }
        return (sums.map { $0.amount(in: unit) ?? 0 }, unit)
    }

    /// Decodes a value from its text. Throws a `DecodingError` if `parse` throws or returns nil.
    func parsed<Value>(forKey key: Key, _ parse: (String) throws -> Value?) throws -> Value {
        let text = try decode(String.self, forKey: key)
        guard let value = try? parse(text) else { throw wrong(key, "invalid value: \(text)") }
        return value
    }

    /// Decodes a value from its text; nil for null and for a missing key.
    func parsedIfPresent<Value>(forKey key: Key, _ parse: (String) throws -> Value?) throws -> Value? {
        guard contains(key), try !decodeNil(forKey: key) else { return nil }
        return try parsed(forKey: key, parse)
    }

    private func wrong(_ key: Key, _ sentence: String) -> DecodingError {
        DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: sentence)
    }
}

/// An amount as JSON: a whole number, decimal text for money, or null.
package struct AmountJSON: Encodable {
    var meter: Meter
    var amount: Int64?

    package init(_ meter: Meter, _ amount: Int64?) {
        self.meter = meter
        self.amount = amount
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        guard let amount else { return try container.encodeNil() }
        if meter == .cost { try container.encode(meter.text(amount)) } else { try container.encode(amount) }
    }
}

extension KeyedDecodingContainer {
    /// Decodes an ``AmountJSON``. Unlike the amount of a request, it may exceed `Meter.maxAmount`: counters add up.
    func amount(of meter: Meter, forKey key: Key) throws -> Int64 {
        guard meter == .cost else {
            let amount = try decode(Int64.self, forKey: key)
            guard amount >= 0 else { throw wrong(key, "expected no less than 0") }
            return amount
        }
        let text = try decode(String.self, forKey: key)
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? parts[1] : "0"
        guard parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            fraction.utf8.count <= 9,
            let nanos = Int64("\(parts[0])\(fraction)" + String(repeating: "0", count: 9 - fraction.utf8.count))
        else { throw wrong(key, "expected decimal text such as 0.25") }
        return nanos
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

import TollgateCore

/// Prices as JSON with the keys of a price file. Rates are decimal text.
extension PriceTable: Encodable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: PriceKey.self)
        for (name, prices) in providers { try container.encode(prices, forKey: PriceKey(name)) }
    }
}

extension PriceTable.Provider: Encodable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: PriceKey.self)
        for (name, series) in models { try container.encode(series, forKey: PriceKey(name)) }
        for (prefix, series) in prefixes { try container.encode(series, forKey: PriceKey(prefix + "*")) }
        if let others { try container.encode(others, forKey: PriceKey("default")) }
    }
}

extension PriceTable.Series: Encodable {
    /// Encodes a single price without a date as a map, and others as a list.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if steps.count == 1, steps[0].from == nil {
            try container.encode(steps[0].price)
        } else {
            try container.encode(steps)
        }
    }
}

extension PriceTable.Series.Step: Encodable {
    package func encode(to encoder: any Encoder) throws {
        try price.encode(to: encoder)
        var container = encoder.container(keyedBy: PriceKey.self)
        if let from { try container.encode(from.description, forKey: PriceKey("from")) }
    }
}

extension ModelPrice: Encodable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: PriceKey.self)
        for (item, rate) in rates { try container.encode(rate.description, forKey: PriceKey(item.rawValue)) }
    }
}

extension UnknownModelRule: Encodable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .warn: try container.encode("warn")
        case .refuse: try container.encode("refuse")
        case .price(let price): try container.encode(price)
        }
    }
}

/// A key that is a name.
private struct PriceKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) {
        stringValue = name
    }

    init?(stringValue: String) {
        self.stringValue = stringValue
    }

    init?(intValue: Int) { nil }
}

package import TollgateCore

/// A decision with the fields of the line protocol. Fields without a value are omitted. Money is text, and all other
/// amounts are numbers.
package struct DecisionView: Encodable {
    var decision: Decision

    package init(_ decision: Decision) {
        self.decision = decision
    }

    enum CodingKeys: String, CodingKey {
        case decision, reason, limit, max, used, held, remaining, reset, source, degraded, shadow, warnings, cost,
            price, reservation
        case retryAfter = "retry_after"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(decision.allowed ? "allow" : "deny", forKey: .decision)
        try container.encodeIfPresent(decision.reason?.rawValue, forKey: .reason)
        try container.encodeIfPresent(decision.limit, forKey: .limit)
        try container.encodeIfPresent(decision.max.flatMap(amount), forKey: .max)
        try container.encodeIfPresent(decision.used.flatMap(amount), forKey: .used)
        try container.encodeIfPresent(decision.held.flatMap(amount), forKey: .held)
        try container.encodeIfPresent(decision.remaining.flatMap(amount), forKey: .remaining)
        try container.encodeIfPresent(decision.resetAfter, forKey: .reset)
        try container.encodeIfPresent(decision.retryAfter, forKey: .retryAfter)
        try container.encodeIfPresent(decision.source, forKey: .source)
        try container.encode(decision.isDegraded, forKey: .degraded)
        try container.encode(decision.shadow, forKey: .shadow)
        try container.encode(decision.warnings.map(\.description), forKey: .warnings)
        try container.encodeIfPresent(decision.cost?.description, forKey: .cost)
        if decision.hasUnknownPrice { try container.encode("unknown", forKey: .price) }
        try container.encodeIfPresent(decision.reservation, forKey: .reservation)
    }

    /// Encodes an amount: whole numbers as numbers, money as text. An unlimited amount is nil.
    private func amount(_ quantity: Quantity) -> JSONValue? {
        if quantity.description == "unlimited" { return nil }
        guard decision.limitInForce?.meter != .cost, let number = quantity.wholeNumber else {
            return .string(quantity.description)
        }
        return .integer(number)
    }
}

extension Decision {
    /// The meter and period of the limit that the decision names. Its scope precedes them and may contain any
    /// character.
    var limitInForce: (meter: Meter, period: Period)? {
        guard let limit else { return nil }
        let words = limit.utf8.split(separator: UInt8(ascii: "/")).suffix(2).map { String(decoding: $0, as: UTF8.self) }
        if words.last == Meter.concurrent.name { return (.concurrent, .reservation) }
        guard words.count == 2, let meter = Meter(name: words[0]), let period = try? Period(parsing: words[1]) else {
            return nil
        }
        return (meter, period)
    }
}

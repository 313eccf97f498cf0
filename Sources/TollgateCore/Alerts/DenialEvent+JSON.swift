/// A denial event in JSON. Where it has a place in the stream of events, `id` stands beside the rest.
extension DenialEvent: Codable {
    private enum CodingKeys: String, CodingKey {
        case at, held, limit, max, meter, period, request, scope, source, used
    }

    /// Amounts of `cost` as decimal text, the time in ISO 8601.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(UTCTime.text(milliseconds: at), forKey: .at)
        try container.encode(scope.description, forKey: .scope)
        try container.encode("\(scope)/\(limitName)", forKey: .limit)
        try container.encode(meter.name, forKey: .meter)
        try container.encode(period.description, forKey: .period)
        try container.encode(AmountJSON(meter, max), forKey: .max)
        try container.encode(AmountJSON(meter, used), forKey: .used)
        try container.encode(AmountJSON(meter, held), forKey: .held)
        try container.encode(source, forKey: .source)
        try container.encode(request.map(\.description), forKey: .request)
    }

    /// Reads what `encode` writes; `limit`, which follows from the rest, is not looked at.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let meter = try container.parsed(forKey: .meter) { Meter(name: $0) }
        self.init(
            at: try container.parsed(forKey: .at, UTCTime.milliseconds(parsing:)),
            scope: try container.parsed(forKey: .scope) { try Scope(parsing: $0) },
            meter: meter,
            // No text that a policy could name: only reservations count over it.
            period: meter == .concurrent
                ? .reservation : try container.parsed(forKey: .period) { try Period(parsing: $0) },
            max: try container.amount(of: meter, forKey: .max),
            used: try container.amount(of: meter, forKey: .used),
            held: container.contains(.held) ? try container.amount(of: meter, forKey: .held) : 0,
            source: try container.decode(String.self, forKey: .source),
            request: try container.decode([String].self, forKey: .request).map { try Scope(parsing: $0) })
    }

    /// The limit's name, `requests/1m`.
    package var limitName: String { meter.limitName(over: period) }
}

/// The one form of an alert in JSON: of the API, in Redis's stream, of webhooks and of the line protocol. Every key stands in it, in
/// alphabetical order where the encoder sorts (`PolicyJSON.text`); what there is none of is null.
extension Alert: Codable {
    private enum CodingKeys: String, CodingKey {
        case id, limit, max, meter, mode, percent, period, reason, scope, severity, source, state, threshold, type, used
        case acknowledgedAt = "acknowledged_at"
        case acknowledgedBy = "acknowledged_by"
        case endsAt = "ends_at"
        case openedAt = "opened_at"
        case periodID = "period_id"
        case resolvedAt = "resolved_at"
        case resolvedBy = "resolved_by"
    }

    /// Amounts of `cost` as decimal text, times in ISO 8601, `ends_at` in whole seconds.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(scope.description, forKey: .scope)
        try container.encode("\(scope)/\(limitName)", forKey: .limit)
        try container.encode(meter.name, forKey: .meter)
        try container.encode(period.description, forKey: .period)
        try container.encode(periodID, forKey: .periodID)
        try container.encode(threshold, forKey: .threshold)
        try container.encode(AmountJSON(meter, max), forKey: .max)
        try container.encode(AmountJSON(meter, used), forKey: .used)
        try container.encode(percent, forKey: .percent)
        try container.encode(mode.rawValue, forKey: .mode)
        try container.encode(source, forKey: .source)
        try container.encode(kind.rawValue, forKey: .type)
        try container.encode(severity.rawValue, forKey: .severity)
        try container.encode(endsAt.map(UTCTime.wholeSeconds(milliseconds:)), forKey: .endsAt)
        try container.encode(UTCTime.text(milliseconds: openedAt), forKey: .openedAt)
        try encodeState(into: &container)
    }

    private func encodeState(into container: inout KeyedEncodingContainer<CodingKeys>) throws {
        try container.encode(state.rawValue, forKey: .state)
        try container.encode(acknowledged.map { UTCTime.text(milliseconds: $0.at) }, forKey: .acknowledgedAt)
        try container.encode(acknowledged?.by, forKey: .acknowledgedBy)
        try container.encode(resolved.map { UTCTime.text(milliseconds: $0.at) }, forKey: .resolvedAt)
        try container.encode(resolved?.by, forKey: .resolvedBy)
        try container.encode(reason?.rawValue, forKey: .reason)
    }

    /// Reads what `encode` writes. What follows from the rest (`limit`, `percent`, `severity`, `type`) is not looked at.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let meter = try container.parsed(forKey: .meter) { Meter(name: $0) }
        self.init(
            scope: try container.parsed(forKey: .scope) { try Scope(parsing: $0) },
            meter: meter,
            period: try container.parsed(forKey: .period) { try Period(parsing: $0) },
            threshold: try container.decode(Int.self, forKey: .threshold),
            max: try container.amount(of: meter, forKey: .max),
            used: try container.amount(of: meter, forKey: .used),
            mode: try container.parsed(forKey: .mode, LimitMode.init(rawValue:)),
            source: try container.decode(String.self, forKey: .source),
            periodID: try container.decodeIfPresent(String.self, forKey: .periodID),
            endsAt: try container.parsedIfPresent(forKey: .endsAt, UTCTime.milliseconds(parsing:)),
            openedAt: try container.parsed(forKey: .openedAt, UTCTime.milliseconds(parsing:)))
        id = try container.decode(String.self, forKey: .id)
        state = try container.parsed(forKey: .state, State.init(rawValue:))
        acknowledged = try Self.mark(.acknowledgedAt, .acknowledgedBy, of: container)
        resolved = try Self.mark(.resolvedAt, .resolvedBy, of: container)
        reason = try container.parsedIfPresent(forKey: .reason, Reason.init(rawValue:))
    }

    private static func mark(
        _ time: CodingKeys, _ name: CodingKeys, of container: KeyedDecodingContainer<CodingKeys>
    ) throws -> Mark? {
        guard let at = try container.parsedIfPresent(forKey: time, UTCTime.milliseconds(parsing:)) else { return nil }
        return Mark(at: at, by: try container.decode(String.self, forKey: name))
    }

    /// `used` of `max` in percent, rounded down to two decimals; nil where `max` is 0.
    public var percent: Double? {
        guard max > 0 else { return nil }
        return Double(Int128(used) * 10_000 / Int128(max)) / 100
    }
}

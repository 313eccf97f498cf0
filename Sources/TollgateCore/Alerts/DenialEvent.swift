/// A request that a limit denied, or would have denied in shadow mode, as published in the stream of events.
///
/// Of the denials by one limit of a scope, the first of a period is published, and then at most one a minute.
package struct DenialEvent: Sendable, Hashable {
    /// The time of the denial, in Unix ms by Redis's clock.
    package var at: Int64
    /// The scope of the limit.
    package var scope: Scope
    /// The meter of the limit.
    package var meter: Meter
    /// The period of the limit.
    package var period: Period
    /// The limit's max; for `cost` in ``unit``.
    package var max: Int64
    /// The usage that counted against the limit; for `cost` in ``unit``.
    package var used: Int64
    /// The amount that open reservations held in addition; for `cost` in ``unit``.
    package var held: Int64
    /// The unit of amounts of `cost`.
    package var unit: MoneyUnit
    /// The mode of the limit. A limit in shadow mode did not deny the request.
    package var mode: LimitMode
    /// The part of the policy that the limit comes from, such as `tier:premium`.
    package var source: String
    /// The scopes in the request.
    package var request: [Scope]

    /// Creates an event. `at` is in Unix ms.
    package init(
        at: Int64, scope: Scope, meter: Meter, period: Period, max: Int64, used: Int64, held: Int64 = 0,
        unit: MoneyUnit = .nano, mode: LimitMode = .enforce, source: String, request: [Scope]
    ) {
        self.at = at
        self.scope = scope
        self.meter = meter
        self.period = period
        self.max = max
        self.used = used
        self.held = held
        self.unit = unit
        self.mode = mode
        self.source = source
        self.request = request
    }
}

// MARK: - JSON

/// The JSON of a denial event. In the stream of events it has another key, `id`.
extension DenialEvent: Codable {
    private enum CodingKeys: String, CodingKey {
        case at, held, limit, max, meter, mode, period, request, scope, source, used
    }

    /// Encodes amounts of `cost` as decimal text, and the time in ISO 8601.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(UTCTime.text(milliseconds: at), forKey: .at)
        try container.encode(scope.description, forKey: .scope)
        try container.encode("\(scope)/\(limitName)", forKey: .limit)
        try container.encode(meter.name, forKey: .meter)
        try container.encode(period.description, forKey: .period)
        try container.encode(AmountJSON(meter, max, in: unit), forKey: .max)
        try container.encode(AmountJSON(meter, used, in: unit), forKey: .used)
        try container.encode(AmountJSON(meter, held, in: unit), forKey: .held)
        try container.encode(mode.rawValue, forKey: .mode)
        try container.encode(source, forKey: .source)
        try container.encode(request.map(\.description), forKey: .request)
    }

    /// Decodes the output of `encode`. It ignores `limit`, which follows from other keys.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let meter = try container.parsed(forKey: .meter) { Meter(name: $0) }
        let (amounts, unit) = try container.amounts(
            of: meter, forKeys: [.max, .used] + (container.contains(.held) ? [.held] : []))
        self.init(
            at: try container.parsed(forKey: .at, UTCTime.milliseconds(parsing:)),
            scope: try container.parsed(forKey: .scope) { try Scope(parsing: $0) },
            meter: meter,
            // A period that has no text in the policy: `concurrent` always counts over reservations.
            period: meter == .concurrent
                ? .reservation : try container.parsed(forKey: .period) { try Period(parsing: $0) },
            max: amounts[0], used: amounts[1], held: amounts.count > 2 ? amounts[2] : 0, unit: unit,
            mode: container.contains(.mode)
                ? try container.parsed(forKey: .mode) { LimitMode(rawValue: $0) } : .enforce,
            source: try container.decode(String.self, forKey: .source),
            request: try container.decode([String].self, forKey: .request).map { try Scope(parsing: $0) })
    }

    /// The name of the limit, such as `requests/1m`.
    package var limitName: String { meter.limitName(over: period) }
}

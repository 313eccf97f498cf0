/// An alert: a scope has used a share of a limit, the price of a model is not known, or our count of an account's usage
/// differs from its provider's. There is one for each scope, limit, period and threshold, one a day for each model, and
/// one for each account and closed day.
public struct Alert: Sendable, Hashable {
    /// The type of an alert.
    public enum Kind: String, Sendable, CaseIterable {
        /// A threshold below 100 % has been reached.
        case approachingLimit = "approaching_limit"
        /// The limit has been used up.
        case quotaExceeded = "quota_exceeded"
        /// The price of a model is not known. The alert has no limit: its meter is `cost`, its period a day by UTC, and
        /// its amounts are 0.
        case unknownModel = "unknown_model"
        /// Our tokens or our cost of an account on a closed day by UTC differ from those that its provider reports. The
        /// alert has no limit: ``used`` is our amount, ``max`` the provider's, and ``threshold`` the difference in
        /// percent past which the alert opens.
        case drift
    }

    /// The severity of an alert.
    public enum Severity: String, Sendable, CaseIterable {
        case warning
        case critical
    }

    /// The state of an alert.
    public enum State: String, Sendable, CaseIterable {
        case open
        /// A person has seen the alert, which is still active.
        case acknowledged
        case resolved
    }

    /// A change of an alert's state.
    public enum Event: String, Sendable, CaseIterable {
        /// A threshold has been reached.
        case opened
        /// A person has seen the alert.
        case acknowledged
        /// The alert has ended.
        case resolved
    }

    /// The reason why an alert ended.
    public enum Reason: String, Sendable, CaseIterable {
        /// A person resolved it.
        case byHand = "by_hand"
        /// The limit's day, week, month or window has ended.
        case periodEnded = "period_ended"
        /// The limit was raised or removed.
        case limitRaised = "limit_raised"
        /// The counter was reset.
        case reset
        /// A refund took the usage below the threshold.
        case refunded
        /// A provider corrected its figures.
        case corrected
    }

    /// The author and the time of a change.
    public struct Mark: Sendable, Hashable {
        /// The time in Unix ms.
        public var at: Int64
        /// The name of the author; `auto` for Tollgate itself.
        public var by: String

        /// Creates a mark. `at` is in Unix ms.
        public init(at: Int64, by: String) {
            self.at = at
            self.by = by
        }
    }

    /// The type.
    public var kind: Kind
    /// The id, such as `mi8x3k2p-1b0q6y0c3v5xk`. It is derived from the scope, limit, threshold and time, and sorts by
    /// time.
    public var id: String
    /// The scope of the limit.
    public var scope: Scope
    /// The meter of the limit.
    public var meter: Meter
    /// The period of the limit.
    public var period: Period
    /// The threshold in percent of `max`.
    public var threshold: Int
    /// The limit's max when the alert was opened; for `cost` in ``unit``.
    public var max: Int64
    /// The usage when the alert was opened; for `cost` in ``unit``.
    public var used: Int64
    /// The unit of amounts of `cost`.
    public var unit: MoneyUnit
    /// The mode of the limit. A limit in shadow mode denies nothing.
    public var mode: LimitMode
    /// The part of the policy that the limit comes from, such as `tier:premium`.
    public var source: String
    /// The id of the calendar period, such as `2026-11-20`; nil for `total` and sliding limits.
    public var periodID: String?
    /// The time at which the usage no longer counts, in Unix ms; nil for `total`.
    public var endsAt: Int64?
    /// The time at which the alert was opened, in Unix ms by Redis's clock.
    public var openedAt: Int64
    /// The state.
    public var state: State
    /// The person who acknowledged it, and when.
    public var acknowledged: Mark?
    /// The author of the resolution, and when.
    public var resolved: Mark?
    /// The reason why it ended; nil before.
    public var reason: Reason?

    /// Creates an open alert, and its id.
    public init(
        scope: Scope, meter: Meter, period: Period, threshold: Int, max: Int64, used: Int64,
        unit: MoneyUnit = .nano, mode: LimitMode = .enforce, source: String, periodID: String?, endsAt: Int64?,
        openedAt: Int64
    ) {
        id = Self.id(scope: scope, limit: meter.limitName(over: period), threshold: threshold, openedAt: openedAt)
        kind = threshold < 100 ? .approachingLimit : .quotaExceeded
        self.scope = scope
        self.meter = meter
        self.period = period
        self.threshold = threshold
        self.max = max
        self.used = used
        self.unit = unit
        self.mode = mode
        self.source = source
        self.periodID = periodID
        self.endsAt = endsAt
        self.openedAt = openedAt
        state = .open
    }

    /// Creates an open alert about a model without a price. All sidecars make the same one on the same day.
    ///
    /// - Parameters:
    ///   - scope: The model, such as `model:gpt-4o`, with its provider if requests name it.
    ///   - openedAt: Unix ms.
    package init(unknownModel scope: Scope, openedAt: Int64) {
        let day = floorDivide(openedAt, 86_400_000)
        let start = UTCTime.wholeSeconds(milliseconds: day * 86_400_000)
        self.init(
            scope: scope, meter: .cost, period: .day, threshold: 0, max: 0, used: 0, source: "prices",
            periodID: String(start.prefix(10)), endsAt: (day + 1) * 86_400_000, openedAt: openedAt)
        kind = .unknownModel
        id = Self.id(scope: scope, limit: kind.rawValue, threshold: 0, openedAt: day * 86_400_000)
    }

    /// Whether the alert is about a limit, so that usage can end it.
    package var isOfLimit: Bool { kind == .approachingLimit || kind == .quotaExceeded }

    /// The severity: critical from a threshold of 95 % of a limit.
    public var severity: Severity { threshold < 95 || !isOfLimit ? .warning : .critical }

    /// The usage in percent of `max`, rounded down to two decimals; nil if `max` is 0.
    public var percent: Double? {
        guard max > 0 else { return nil }
        return Double(Int128(used) * 10_000 / Int128(max)) / 100
    }

    /// The limit's max as money; nil for another meter than `cost`.
    public var maxMoney: Money? { meter == .cost ? Money(max, in: unit) : nil }

    /// The usage as money; nil for another meter than `cost`.
    public var usedMoney: Money? { meter == .cost ? Money(used, in: unit) : nil }

    /// The text of the limit's max: a whole number, or decimal text for `cost`.
    public var maxText: String { meter.text(max, in: unit) }

    /// The text of the usage: a whole number, or decimal text for `cost`.
    public var usedText: String { meter.text(used, in: unit) }

    /// The name of the limit, such as `cost/month`.
    public var limitName: String { meter.limitName(over: period) }

    /// What the alert says of its scope: `cost/day at 80 %`, `price not known`, or `tokens drift by -12.3 %`.
    package var condition: String {
        switch kind {
        case .approachingLimit, .quotaExceeded: "\(limitName) at \(threshold) %"
        case .unknownModel: "price not known"
        case .drift: "\(meter.name) drift\(drift?.percentText.map { " by \($0) %" } ?? ": only ours")"
        }
    }

    /// Whether a text has the form of an id: 1 to 64 lower-case letters, digits and hyphens.
    package static func isID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
    }

    /// Whether the times are in the range of ``UTCTime`` and the amounts are not negative. Other alerts are neither
    /// written nor read.
    package var isInRange: Bool {
        let times = [openedAt, endsAt, acknowledged?.at, resolved?.at].compactMap { $0 }
        return times.allSatisfy(UTCTime.range.contains) && max >= 0 && used >= 0
    }

    /// The id of an alert: the time, in Unix ms, in base 36, and a hash of the rest (FNV-1a, 64 bits).
    package static func id(scope: Scope, limit: String, threshold: Int, openedAt: Int64) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(scope)\n\(limit)\n\(threshold)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "\(String(openedAt, radix: 36))-\(String(hash, radix: 36))"
    }
}

// MARK: - JSON

/// The JSON of an alert in the API, in Redis's stream, in webhooks and in the line protocol. It contains every key;
/// values that do not exist are null.
extension Alert: Codable {
    private enum CodingKeys: String, CodingKey {
        case id, limit, max, meter, mode, percent, period, reason, scope, severity, source, state, threshold, used
        case kind = "type"
        case acknowledgedAt = "acknowledged_at"
        case acknowledgedBy = "acknowledged_by"
        case endsAt = "ends_at"
        case openedAt = "opened_at"
        case periodID = "period_id"
        case resolvedAt = "resolved_at"
        case resolvedBy = "resolved_by"
    }

    /// Encodes amounts of `cost` as decimal text, and times in ISO 8601, `ends_at` in whole seconds.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(scope.description, forKey: .scope)
        try container.encode("\(scope)/\(limitName)", forKey: .limit)
        try container.encode(meter.name, forKey: .meter)
        try container.encode(period.description, forKey: .period)
        try container.encode(periodID, forKey: .periodID)
        try container.encode(threshold, forKey: .threshold)
        try container.encode(AmountJSON(meter, max, in: unit), forKey: .max)
        try container.encode(AmountJSON(meter, used, in: unit), forKey: .used)
        try container.encode(percent, forKey: .percent)
        try container.encode(mode.rawValue, forKey: .mode)
        try container.encode(source, forKey: .source)
        try container.encode(kind.rawValue, forKey: .kind)
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

    /// Decodes the output of `encode`. It ignores the keys that follow from others: `limit`, `percent` and
    /// `severity`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let meter = try container.parsed(forKey: .meter) { Meter(name: $0) }
        let (amounts, unit) = try container.amounts(of: meter, forKeys: [.max, .used])
        self.init(
            scope: try container.parsed(forKey: .scope) { try Scope(parsing: $0) },
            meter: meter,
            period: try container.parsed(forKey: .period) { try Period(parsing: $0) },
            threshold: try container.decode(Int.self, forKey: .threshold),
            max: amounts[0], used: amounts[1], unit: unit,
            mode: try container.parsed(forKey: .mode, LimitMode.init(rawValue:)),
            source: try container.decode(String.self, forKey: .source),
            periodID: try container.decodeIfPresent(String.self, forKey: .periodID),
            endsAt: try container.parsedIfPresent(forKey: .endsAt, UTCTime.milliseconds(parsing:)),
            openedAt: try container.parsed(forKey: .openedAt, UTCTime.milliseconds(parsing:)))
        id = try container.decode(String.self, forKey: .id)
        // A type of a later version is one that this version knows least wrongly by its threshold.
        kind = (try? container.decode(String.self, forKey: .kind)).flatMap(Kind.init) ?? kind
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
}

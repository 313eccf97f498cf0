package import TollgateCore

/// A limit of a scope: a meter, a period and a maximum. Its name is `requests/1m`.
package struct Limit: Sendable, Hashable {
    package typealias Mode = LimitMode

    /// The meter that is counted.
    package var meter: Meter
    /// The period over which it is counted.
    package var period: Period
    /// The maximum: nil is unlimited, 0 is blocked. For `cost` in ``unit``.
    package var max: Int64?
    /// The unit of amounts of `cost`.
    package var unit: MoneyUnit
    /// Whether the limit denies.
    package var mode: Mode
    /// The percentages of `max` past which replies warn, ascending. Nil stands for the policy's thresholds if the limit
    /// is a calendar or `total` limit, and for none if it is a sliding one.
    package var thresholds: [Int]?
    /// The decision while Redis is unavailable; nil stands for the policy's rule for the meter.
    package var onRedisFailure: FailureRule?
    /// What happens to amounts of the meter that a reservation holds when it expires; nil stands for `release`. Only for
    /// tokens and cost, and not for limits on single requests.
    package var onExpiry: ExpiryRule?
    /// Which side's amount counts against a limit of an account over a day, week or month; nil stands for `max`.
    package var counts: CountedSide?

    /// Creates a limit.
    package init(
        _ meter: Meter, _ period: Period, max: Int64?, unit: MoneyUnit = .nano, mode: Mode = .enforce,
        thresholds: [Int]? = nil, onRedisFailure: FailureRule? = nil, onExpiry: ExpiryRule? = nil,
        counts: CountedSide? = nil
    ) {
        self.meter = meter
        self.period = period
        self.max = max
        self.unit = unit
        self.mode = mode
        self.thresholds = thresholds
        self.onRedisFailure = onRedisFailure
        self.onExpiry = onExpiry
        self.counts = counts
    }

    /// The name, `requests/1m`, or `concurrent` alone: unique within a scope, and the prefix of the limit's fields in
    /// Redis.
    package var name: String { meter.limitName(over: period) }

    /// The text of an amount of the limit's meter: a whole number, or decimal text for `cost`.
    package func text(_ amount: Int64) -> String { meter.text(amount, in: unit) }

    /// The JSON of an amount of the limit's meter, or of null.
    package func json(_ amount: Int64?) -> AmountJSON { AmountJSON(meter, amount, in: unit) }

    /// Whether reservations hold amounts of a meter against a limit over a period, so that it can have an `onExpiry`.
    package static func hasHolds(_ meter: Meter, _ period: Period) -> Bool {
        meter != .requests && meter != .concurrent && period != .request
    }

    /// Whether both limits count the same meter over the same period. Only one of them can apply to a scope.
    func hasSameName(as other: Limit) -> Bool { meter == other.meter && period == other.period }
}

// MARK: - Names

extension Limit {
    /// Parses a ``name``, with the period in any spelling: `requests/60s`, `cost/month`, `concurrent`.
    package static func parse(name: some StringProtocol) -> (meter: Meter, period: Period)? {
        let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let meter = parts.first.flatMap({ Meter(name: $0) }) else { return nil }
        guard meter != .concurrent else { return parts.count == 1 ? (meter, .reservation) : nil }
        guard parts.count == 2, let period = try? Period(parsing: parts[1]) else { return nil }
        return (meter, period)
    }

    /// The start of an error sentence about text that is not a ``name``: `did you mean requests/1m? ` for
    /// `requests/1min`. Empty if the text resembles none.
    package static func hint(about name: some StringProtocol) -> String {
        let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parse(name: name) == nil else { return "" }
        let names = Meter.allCases.filter { $0 != .concurrent }.map(\.name)
        guard
            let meter = names.contains(String(parts[0]))
                ? String(parts[0]) : nearestWord(to: String(parts[0]), among: names)
        else { return "" }
        let isPeriod = (try? Period(parsing: parts[1])) != nil
        guard let period = isPeriod ? String(parts[1]) : PeriodSpelling.suggestion(for: parts[1]) else {
            return Period.isDurationOutOfRange(parts[1]) ? "\(Period.durationRange); " : ""
        }
        return "did you mean \(meter)/\(period)? "
    }

    /// Parses the name of a limit, of one scope or of any: `user:alice/requests/60s` is `requests/1m` of `user:alice`,
    /// and `concurrent` has no scope.
    ///
    /// - Throws: a sentence. Ids of scopes may contain slashes, so the name is what comes last.
    package static func parse(scopedName text: String) throws(ScopeError) -> (scope: Scope?, name: String) {
        let words = text.split(separator: "/", omittingEmptySubsequences: false)
        let length = words.last == "concurrent" ? 1 : 2
        guard let (meter, period) = parse(name: words.suffix(length).joined(separator: "/")) else {
            let hint = hint(about: words.suffix(length).joined(separator: "/"))
            throw ScopeError("\(hint)expected one such as requests/1m, user:alice/requests/1m or concurrent")
        }
        let scope = words.dropLast(length).joined(separator: "/")
        return (words.count > length ? try Scope(parsing: scope) : nil, Limit(meter, period, max: nil).name)
    }
}

// MARK: - Lists

extension Limit {
    /// Returns limits, and those of others that have other names, in the order of ``precedes(_:_:)``.
    package static func merged(_ limits: [Limit], over others: [Limit]) -> [Limit] {
        let more = others.filter { other in !limits.contains { $0.hasSameName(as: other) } }
        return (limits + more).sorted(by: precedes)
    }
}

// MARK: - Order

extension Limit {
    /// Returns whether `lhs` is listed before `rhs`. Limits are listed by meter, then by period.
    package static func precedes(_ lhs: Limit, _ rhs: Limit) -> Bool {
        (lhs.meter.rawValue, lhs.period) < (rhs.meter.rawValue, rhs.period)
    }
}

extension Period: Comparable {
    /// The order of periods: `request`, sliding windows by length, day, week, month, total, reservation.
    package static func < (lhs: Period, rhs: Period) -> Bool { lhs.rank < rhs.rank }

    private var rank: Int64 {
        switch self {
        case .request: 0
        case .sliding(let seconds): seconds
        case .day: Self.maxWindow + 1
        case .week: Self.maxWindow + 2
        case .month: Self.maxWindow + 3
        case .total: Self.maxWindow + 4
        case .reservation: Self.maxWindow + 5
        }
    }
}

extension Limit {
    /// The reason of a denial by this limit.
    package var denialReason: DenialReason {
        if max == 0 { return .blocked }
        switch period {
        case .request: return .tooLarge
        case .sliding: return .rateLimited
        case .day, .week, .month, .total: return .quotaExceeded
        case .reservation: return .concurrency
        }
    }
}

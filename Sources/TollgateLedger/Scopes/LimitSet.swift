import Crypto
import NIOCore
package import TollgateCore
package import TollgatePolicy

/// The limits that apply to a scope, and the retention of its history. Scopes with the same limits share a set, so that
/// a batch sends it once. Owned by one event loop.
package final class LimitSet {
    /// The set's rules for a scope's alerts (alerts.lua).
    struct AlertRules: Hashable {
        /// The id of the user's tier with this set; empty for none.
        var tier = ""
        /// The names of limits that are different, or missing, for requests that lead to another tier.
        var varying: [String] = []
        /// Whether the set only resolves alerts and opens none, because the user's tier is unknown.
        var onlyResolves = false
        /// The tiers that other requests may lead to and that have limits: the set decides on alerts of all tiers but
        /// these. Nil if it decides only on those of its own tier.
        var otherTiers: [String]?
        /// Whether its tier is the user's tier for requests without traits.
        var isUsual = false
    }

    package let limits: [EffectiveLimit]
    /// The retention of the scope's days and months; nil if it has no history.
    package let history: HistoryRetention?
    /// The text of each limit in a reply, after the scope: `/requests/1m` and ` max=60`.
    package let texts: [LimitText]
    /// Whether decisions that involve one of these limits are denied during a Redis outage.
    package let failsClosed: Bool
    /// Whether a CHECK can be affected by one of the limits. An unlimited one affects nothing.
    let limitsChecks: Bool
    /// Whether a RESERVE can be affected by one of the limits. It alone counts as `concurrent`.
    let limitsReservations: Bool
    let rules: CalendarRules
    let alerts: AlertRules

    /// The kind of the scopes in rankings, if they have history.
    let kind: ScopeKind?

    private var encoding = ByteBuffer()
    /// The id by which batches refer to the set: a hash of its last encoding, in MessagePack. Different sets have
    /// different ids.
    package private(set) var id: [UInt8] = []
    /// The last generation of limit sets in which Redis knew the set (``Ledger``).
    @exclusivity(unchecked) var knownGeneration = 0
    /// The periods that calendar limits count at the time of the last encoding, by limit; nil for other limits.
    private(set) var windows: [CalendarWindow?] = []
    /// The times for which the encoding is valid, Unix ms.
    private var encodingValidity: Range<Int64> = 0..<0

    /// The labels of the limits in metrics (`OperationTally`); empty before one of them is first counted.
    @exclusivity(unchecked) var labels: [LimitLabel] = []

    /// The number of the batch that the set was last added to, and its position there, from 1.
    @exclusivity(unchecked) var batchNumber = 0
    @exclusivity(unchecked) var batchPosition = 0

    init(
        limits: [EffectiveLimit], history: HistoryRetention?, kind: ScopeKind? = nil, rules: CalendarRules,
        alerts: AlertRules
    ) {
        self.kind = kind
        self.limits = limits
        self.alerts = alerts
        self.history = history
        self.rules = rules
        self.texts = limits.map(LimitText.init)
        limitsChecks = limits.contains { $0.limit.max != nil && $0.limit.meter != .concurrent }
        limitsReservations = limits.contains { $0.limit.max != nil }
        self.failsClosed = limits.contains {
            $0.limit.max != nil && $0.limit.mode == .enforce && $0.onRedisFailure == .closed
        }
    }

    /// Returns the set in the format of the scripts (batch/sets.lua). It is encoded again only when a calendar period ends.
    ///
    /// - Parameter now: The time of Redis's clock, Unix ms.
    func encoding(at now: Int64) -> ByteBuffer {
        if encodingValidity.contains(now) { return encoding }
        encoding.clear()
        var validity = Int64.min..<Int64.max
        encode(at: now, validity: &validity)
        encodingValidity = validity
        var packed = ByteBuffer()
        packed.writeMessagePack(Array(SHA256.hash(data: Array(encoding.readableBytesView)).prefix(16)))
        id = Array(packed.readableBytesView)
        knownGeneration = 0
        return encoding
    }

    /// Returns whether two times (Unix ms) are known to be in the same periods, from the validity of the last encoding.
    func isSamePeriods(_ time: Int64, _ other: Int64) -> Bool {
        encodingValidity.contains(time) && encodingValidity.contains(other)
    }

    /// Returns the ids and ends of the day and month of history at a time (Unix ms):
    /// `2026-11-20 1795219200000 2026-11 1795219200000`; `-` if the set has no history.
    func historyPeriods(at time: Int64) -> String {
        guard history != nil else { return "-" }
        let (day, month) = (rules.window(.day, containing: time), rules.window(.month, containing: time))
        return "\(day.id) \(day.endsAt) \(month.id) \(month.endsAt)"
    }

    private func encode(at now: Int64, validity: inout Range<Int64>) {
        encoding.writeMessagePack(arrayOf: alerts.otherTiers != nil ? 7 : alerts.varying.isEmpty ? 4 : 5)
        if let history {
            encoding.writeMessagePack(arrayOf: 5)
            encode(.day, at: now, validity: &validity)
            encode(.month, at: now, validity: &validity)
            encoding.writeMessagePack(history.day)
            encoding.writeMessagePack(history.month)
            encoding.writeMessagePack((kind ?? .global).description.utf8)
        } else {
            encoding.writeMessagePack(0)
        }
        encoding.writeMessagePack(arrayOf: limits.count)
        windows = []
        for effective in limits {
            let limit = effective.limit
            let charges = limit.onExpiry == .charge
            let side = effective.counts.scriptNumber
            encoding.writeMessagePack(arrayOf: side != nil ? 10 : charges ? 9 : 8)
            encoding.writeMessagePack(limit.name.utf8)
            encoding.writeMessagePack(Int64(limit.meter.rawValue))
            encoding.writeMessagePack(limit.period.scriptKind)
            encoding.writeMessagePack(limit.max ?? -1)
            encoding.writeMessagePack(limit.mode == .shadow ? 1 : 0)
            encode(effective.thresholdAmounts)
            var window: CalendarWindow?
            switch limit.period {
            case .sliding(let seconds): encoding.writeMessagePack(seconds * 1_000)
            case .day, .week, .month: window = encode(limit.period.calendarUnit!, at: now, validity: &validity)
            case .request, .total, .reservation: encoding.writeMessagePack(0)
            }
            windows.append(window)
            encoding.writeMessagePack(effective.source.word.utf8)
            if charges || side != nil { encoding.writeMessagePack(charges ? 1 : 0) }
            if let side { encoding.writeMessagePack(side) }
        }
        encodeAlertRules()
    }

    private func encodeAlertRules() {
        encoding.writeMessagePack(alerts.onlyResolves ? 1 : 0)
        encoding.writeMessagePack(alerts.tier.utf8)
        if alerts.otherTiers != nil || !alerts.varying.isEmpty { encode(alerts.varying) }
        guard let tiers = alerts.otherTiers else { return }
        encode(tiers)
        encoding.writeMessagePack(alerts.isUsual ? 1 : 0)
    }

    private func encode(_ names: [String]) {
        encoding.writeMessagePack(arrayOf: names.count)
        for name in names { encoding.writeMessagePack(name.utf8) }
    }

    /// Writes percentages and amounts in turn.
    private func encode(_ thresholds: [(percent: Int, amount: Int64)]) {
        guard !thresholds.isEmpty else { return encoding.writeMessagePack(0) }
        encoding.writeMessagePack(arrayOf: 2 * thresholds.count)
        for threshold in thresholds {
            encoding.writeMessagePack(Int64(threshold.percent))
            encoding.writeMessagePack(threshold.amount)
        }
    }

    /// Writes the current period and the next one. Returns the current one.
    @discardableResult
    private func encode(_ unit: CalendarUnit, at now: Int64, validity: inout Range<Int64>) -> CalendarWindow {
        let current = rules.window(unit, containing: now)
        let next = rules.window(unit, containing: current.endsAt)
        validity = validity.clamped(to: current.startsAt..<current.endsAt)
        encoding.writeMessagePack(arrayOf: 5)
        encoding.writeMessagePack(current.startsAt)
        encoding.writeMessagePack(current.id.utf8)
        encoding.writeMessagePack(current.endsAt)
        encoding.writeMessagePack(next.id.utf8)
        encoding.writeMessagePack(next.endsAt)
        return current
    }
}

extension CountedSide {
    /// The scripts' number (batch/sets.lua); nil for our own amounts.
    fileprivate var scriptNumber: Int64? {
        switch self {
        case .own: nil
        case .max: 1
        case .provider: 2
        }
    }
}

extension Period {
    /// The scripts' number for a kind of period (batch/sets.lua).
    fileprivate var scriptKind: Int64 {
        switch self {
        case .request: 1
        case .sliding: 2
        case .day, .week, .month: 3
        case .total: 4
        case .reservation: 5
        }
    }
}

/// The parts of a reply that depend only on the limit, as bytes made once. A class, so that replies copy one pointer.
package final class LimitText: Sendable {
    /// The limit's name after the scope: `/requests/1m`.
    package let name: [UInt8]
    /// The maximum, ` max=60`.
    package let max: [UInt8]
    /// The source of the limit, ` source=defaults`.
    package let source: [UInt8]
    /// The maximum as a number; 0 for an unlimited one.
    package let most: Int64
    /// The unit of amounts of money; nil for other amounts.
    package let moneyUnit: MoneyUnit?

    package init(_ effective: EffectiveLimit) {
        let limit = effective.limit
        most = limit.max ?? 0
        moneyUnit = limit.meter == .cost ? limit.unit : nil
        name = Array("/\(limit.name)".utf8)
        max = Array(" max=\(limit.max.map(limit.text) ?? "unlimited")".utf8)
        source = Array(" source=\(effective.source.word)".utf8)
    }
}

extension EffectiveLimit {
    /// The alert thresholds of a limit with a max above 0: each percentage with the amount that reaches it. Empty for
    /// limits on single requests and on open reservations.
    package var thresholdAmounts: [(percent: Int, amount: Int64)] {
        guard let max = limit.max, max > 0, limit.period != .request, limit.period != .reservation else { return [] }
        return thresholds.map { (percent: $0, amount: Self.amount(at: $0, of: max)) }
    }

    /// Returns the highest threshold that an amount has reached, in percent; nil if it has reached none.
    package func thresholdReached(by used: Int64) -> Int? {
        guard let max = limit.max, max > 0 else { return nil }
        return thresholds.last { Self.amount(at: $0, of: max) <= used }
    }

    /// Returns the amount at a threshold, rounded up: the third request reaches 80 % of 3. It cannot overflow, as max
    /// is at most 9 × 10¹⁵ and a threshold at most 1000.
    private static func amount(at percent: Int, of max: Int64) -> Int64 {
        (max * Int64(percent) + 99) / 100
    }
}

import Crypto
import NIOCore
import TollgateCore
package import TollgatePolicy

/// The limits that hold for a scope, and whether its history is kept. Scopes with the same limits share one, so that a batch
/// carries it once. Owned by one event loop.
package final class LimitSet {
    /// What the set says of a scope's alerts (alerts.lua).
    struct AlertRules: Hashable {
        /// The id of the tier that the user has with this set; empty for none.
        var tier = ""
        /// Names of the limits that other requests may find otherwise, or not at all, by another tier.
        var varying: [String] = []
        /// Whether alerts are resolved by it, and none is opened: where it is not known which tier the user has.
        var onlyResolves = false
        /// Tiers that other requests may have, and in which anything counts: all but these it speaks for; nil where it speaks for its
        /// own alone.
        var otherTiers: [String]?
        /// Whether its tier is the one that the user has where nothing is said.
        var isUsual = false
    }

    package let limits: [EffectiveLimit]
    /// How long the scope's days and months are kept; nil where they are not.
    package let history: HistoryRetention?
    /// What a reply says of each limit after the scope: `/requests/1m` and ` max=60`.
    package let texts: [LimitText]
    /// Whether a decision that one of these limits has a part in is refused while Redis cannot be asked.
    package let failsClosed: Bool
    private let rules: CalendarRules
    let alerts: AlertRules

    /// By what the kind of the scopes is called in rankings, where their history is kept.
    let kind: ScopeKind?

    private var encoding = ByteBuffer()
    /// A hash of the encoding that was made last, in MessagePack: what batches name the set by. Different sets never have the same.
    package private(set) var id: [UInt8] = []
    /// The number under which Redis has last been found to know the set (``Ledger``).
    @exclusivity(unchecked) var knownAs = 0
    private var encodingHolds: Range<Int64> = 0..<0

    /// The batch that this set was last put into, and its place there.
    @exclusivity(unchecked) var batchNumber = 0
    @exclusivity(unchecked) var batchPlace = 0

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
        self.failsClosed = limits.contains {
            $0.limit.max != nil && $0.limit.mode == .enforce && $0.onRedisFailure == .closed
        }
    }

    /// The set as the scripts take it (batch/sets.lua), for a Redis clock of so many Unix ms. Made anew only when a calendar
    /// period ends.
    func encoding(at now: Int64) -> ByteBuffer {
        if encodingHolds.contains(now) { return encoding }
        encoding.clear()
        var holds = Int64.min..<Int64.max
        encode(at: now, holds: &holds)
        encodingHolds = holds
        var packed = ByteBuffer()
        packed.writeMessagePack(Array(SHA256.hash(data: Array(encoding.readableBytesView)).prefix(16)))
        id = Array(packed.readableBytesView)
        knownAs = 0
        return encoding
    }

    /// Whether two times (Unix ms) lie in the same periods, as far as that is known from the encoding that was made last.
    func isSamePeriods(_ time: Int64, _ other: Int64) -> Bool {
        encodingHolds.contains(time) && encodingHolds.contains(other)
    }

    /// The day of history that a time (Unix ms) lies in, and its month: `2026-11-20 1795219200000 2026-11 1795219200000`, ids and
    /// ends; `-` where the set keeps none.
    func page(at time: Int64) -> String {
        guard history != nil else { return "-" }
        let (day, month) = (rules.window(.day, containing: time), rules.window(.month, containing: time))
        return "\(day.id) \(day.endsAt) \(month.id) \(month.endsAt)"
    }

    private func encode(at now: Int64, holds: inout Range<Int64>) {
        encoding.writeMessagePack(arrayOf: alerts.otherTiers != nil ? 7 : alerts.varying.isEmpty ? 4 : 5)
        if let history {
            encoding.writeMessagePack(arrayOf: 5)
            encode(.day, at: now, holds: &holds)
            encode(.month, at: now, holds: &holds)
            encoding.writeMessagePack(history.day)
            encoding.writeMessagePack(history.month)
            encoding.writeMessagePack((kind ?? .global).description.utf8)
        } else {
            encoding.writeMessagePack(0)
        }
        encoding.writeMessagePack(arrayOf: limits.count)
        for effective in limits {
            let limit = effective.limit
            encoding.writeMessagePack(arrayOf: 8)
            encoding.writeMessagePack(limit.name.utf8)
            encoding.writeMessagePack(Int64(limit.meter.rawValue))
            encoding.writeMessagePack(limit.period.scriptKind)
            encoding.writeMessagePack(limit.max ?? -1)
            encoding.writeMessagePack(limit.mode == .shadow ? 1 : 0)
            encode(effective.thresholdAmounts)
            switch limit.period {
            case .sliding(let seconds): encoding.writeMessagePack(seconds * 1_000)
            case .day, .week, .month: encode(limit.period.calendarUnit!, at: now, holds: &holds)
            case .request, .total, .reservation: encoding.writeMessagePack(0)
            }
            encoding.writeMessagePack(effective.source.word.utf8)
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

    /// Percentages and amounts in turn.
    private func encode(_ thresholds: [(percent: Int, amount: Int64)]) {
        guard !thresholds.isEmpty else { return encoding.writeMessagePack(0) }
        encoding.writeMessagePack(arrayOf: 2 * thresholds.count)
        for threshold in thresholds {
            encoding.writeMessagePack(Int64(threshold.percent))
            encoding.writeMessagePack(threshold.amount)
        }
    }

    private func encode(_ unit: CalendarUnit, at now: Int64, holds: inout Range<Int64>) {
        let current = rules.window(unit, containing: now)
        let next = rules.window(unit, containing: current.endsAt)
        holds = holds.clamped(to: current.startsAt..<current.endsAt)
        encoding.writeMessagePack(arrayOf: 5)
        encoding.writeMessagePack(current.startsAt)
        encoding.writeMessagePack(current.id.utf8)
        encoding.writeMessagePack(current.endsAt)
        encoding.writeMessagePack(next.id.utf8)
        encoding.writeMessagePack(next.endsAt)
    }
}

extension Period {
    /// The scripts' number for the way a period counts (batch/sets.lua).
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

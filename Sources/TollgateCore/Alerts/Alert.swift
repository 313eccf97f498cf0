/// That a scope has used a share of a limit, once per scope, limit, period and threshold. A plain value.
public struct Alert: Sendable, Hashable {
    /// What it says of the limit.
    public enum Kind: String, Sendable, CaseIterable {
        /// A threshold below 100 % has been reached.
        case approachingLimit = "approaching_limit"
        /// The limit has been used up.
        case quotaExceeded = "quota_exceeded"
    }

    /// How much it matters.
    public enum Severity: String, Sendable, CaseIterable {
        case warning
        case critical
    }

    /// Where it stands. Acknowledged: somebody has seen it, and it still holds.
    public enum State: String, Sendable, CaseIterable {
        case open
        case acknowledged
        case resolved
    }

    /// What happens to it.
    public enum Event: String, Sendable, CaseIterable {
        /// A threshold has been reached.
        case opened
        /// Somebody has seen it.
        case acknowledged
        /// It does not hold any more.
        case resolved
    }

    /// Why it ended.
    public enum Reason: String, Sendable, CaseIterable {
        /// A person has said so.
        case byHand = "by_hand"
        /// The day, week, month or window that it was about has ended.
        case periodEnded = "period_ended"
        /// The limit allows more now, or is not there any more.
        case limitRaised = "limit_raised"
        /// The counter was set to nothing.
        case reset
        /// Something was taken back, and less than the threshold is used.
        case refunded
    }

    /// Who did something to it, and when.
    public struct Mark: Sendable, Hashable {
        /// Unix ms.
        public var at: Int64
        /// A name, or `auto` for Tollgate itself.
        public var by: String

        /// At a time in Unix ms.
        public init(at: Int64, by: String) {
            self.at = at
            self.by = by
        }
    }

    /// `mi8x3k2p-1b0q6y0c3v5xk`: the same wherever and however often it is made of the same crossing; sorts by time.
    public var id: String
    /// Whose limit it is about.
    public var scope: Scope
    /// With `period`, the limit.
    public var meter: Meter
    /// With `meter`, the limit.
    public var period: Period
    /// In percent of `max`.
    public var threshold: Int
    /// When it was opened; nano-units for `cost`.
    public var max: Int64
    /// When it was opened; nano-units for `cost`.
    public var used: Int64
    /// Of the limit: one in shadow denies nothing.
    public var mode: LimitMode
    /// Which part of the policy gave the limit: `tier:premium`.
    public var source: String
    /// The calendar period, such as `2026-11-20`; nil for `total` and sliding limits.
    public var periodID: String?
    /// Unix ms: when what is counted now stops to count; nil for `total`.
    public var endsAt: Int64?
    /// Unix ms, Redis's clock.
    public var openedAt: Int64
    /// Where it stands.
    public var state: State
    /// Who has seen it.
    public var acknowledged: Mark?
    /// Who or what ended it.
    public var resolved: Mark?
    /// Why it ended; nil before.
    public var reason: Reason?

    /// An open alert.
    public init(
        scope: Scope, meter: Meter, period: Period, threshold: Int, max: Int64, used: Int64,
        mode: LimitMode = .enforce,
        source: String, periodID: String?, endsAt: Int64?, openedAt: Int64
    ) {
        id = Self.id(scope: scope, limit: meter.limitName(over: period), threshold: threshold, openedAt: openedAt)
        self.scope = scope
        self.meter = meter
        self.period = period
        self.threshold = threshold
        self.max = max
        self.used = used
        self.mode = mode
        self.source = source
        self.periodID = periodID
        self.endsAt = endsAt
        self.openedAt = openedAt
        state = .open
    }

    /// At 100 % it is `quota_exceeded`.
    public var kind: Kind { threshold < 100 ? .approachingLimit : .quotaExceeded }

    /// From 95 % on it is critical.
    public var severity: Severity { threshold < 95 ? .warning : .critical }

    /// The limit's name, `cost/month`.
    public var limitName: String { meter.limitName(over: period) }

    /// Whether the text has the form of an id: 1 to 64 letters, digits and hyphens. No alert has another.
    package static func isID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d }
    }

    /// Whether its times can be written, and its amounts are none that no counter has. One that is not is neither written nor read.
    package var isInRange: Bool {
        let times = [openedAt, endsAt, acknowledged?.at, resolved?.at].compactMap { $0 }
        return times.allSatisfy(UTCTime.range.contains) && max >= 0 && used >= 0
    }

    /// Of a crossing, at a time in Unix ms: that in base 36, and a hash of the rest (FNV-1a, 64 bits).
    package static func id(scope: Scope, limit: String, threshold: Int, openedAt: Int64) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(scope)\n\(limit)\n\(threshold)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return "\(String(openedAt, radix: 36))-\(String(hash, radix: 36))"
    }
}

package import TollgateCore

/// Meter × period × max, written `requests/1m`.
package struct Limit: Sendable, Hashable {
    package typealias Mode = LimitMode

    /// What is counted.
    package var meter: Meter
    /// Over what it is counted.
    package var period: Period
    /// Nil is unlimited, 0 is blocked; nano-units for `cost`.
    package var max: Int64?
    /// Whether the limit denies.
    package var mode: Mode
    /// Percentages of `max` past which replies warn, ascending; nil takes the policy's for calendar and `total` limits,
    /// and none for sliding ones.
    package var thresholds: [Int]?
    /// Nil takes the policy's rule for the meter.
    package var onRedisFailure: FailureRule?

    /// A limit; `max` is in nano-units for `cost`.
    package init(
        _ meter: Meter, _ period: Period, max: Int64?, mode: Mode = .enforce, thresholds: [Int]? = nil,
        onRedisFailure: FailureRule? = nil
    ) {
        self.meter = meter
        self.period = period
        self.max = max
        self.mode = mode
        self.thresholds = thresholds
        self.onRedisFailure = onRedisFailure
    }

    /// `requests/1m`, or `concurrent` alone: unique within a scope, and the prefix of its fields in Redis.
    package var name: String { meter.limitName(over: period) }
}

/// What becomes of a decision when Redis cannot be asked.
package enum FailureRule: String, Sendable, CaseIterable {
    case open
    case closed
}

/// A limit as it holds for one scope, with where it comes from.
package struct EffectiveLimit: Sendable, Hashable {
    /// Which part of the policy gave the limit.
    package enum Source: Sendable, Hashable {
        /// An override that has not ended.
        case override
        /// What is set for the scope itself.
        case scope(Origin)
        /// The tier of the user.
        case tier(TierSource)
        /// What is set for its kind.
        case defaults

        /// The tier, and the subject of the assignment that gives it.
        package struct TierSource: Sendable, Hashable {
            /// The tier's id.
            package var id: String
            /// Who has set the tier.
            package var origin: Origin
            /// `user`, `role:Faculty`, `email_domain:example.com` or `default`.
            package var via: String
        }

        /// As replies name it: `override`, `scope`, `tier:premium`, `defaults`.
        package var word: String {
            switch self {
            case .override: "override"
            case .scope: "scope"
            case .tier(let source): "tier:\(source.id)"
            case .defaults: "defaults"
            }
        }

        /// The same with why: `tier:premium via role:Faculty`.
        package var explanation: String {
            if case .tier(let source) = self { "\(word) via \(source.via)" } else { word }
        }

        /// Who has set it.
        package var origin: Origin {
            switch self {
            case .override: .admin
            case .scope(let origin): origin
            case .tier(let source): source.origin
            case .defaults: .file
            }
        }
    }

    /// The limit itself.
    package var limit: Limit
    /// Where it comes from.
    package var source: Source
    /// Percentages of `max` past which replies warn, ascending; the policy's own already filled in.
    package var thresholds: [Int]
    /// The policy's rule already filled in.
    package var onRedisFailure: FailureRule

    /// A limit with all that the policy fills in.
    package init(limit: Limit, source: Source, thresholds: [Int], onRedisFailure: FailureRule) {
        self.limit = limit
        self.source = source
        self.thresholds = thresholds
        self.onRedisFailure = onRedisFailure
    }
}

/// A temporary change of one scope's limits. A value that nobody owns.
public struct Override: Sendable, Hashable {
    /// More, or with a limit of 0 some, of a limit that holds for the scope anyway.
    public struct Addition: Sendable, Hashable {
        /// Of the limit that it is added to.
        public var meter: Meter
        /// Of the same.
        public var period: Period
        /// Above 0; nano-units for `cost`.
        public var amount: Int64

        /// Takes all as it is.
        public init(_ meter: Meter, _ period: Period, amount: Int64) {
            self.meter = meter
            self.period = period
            self.amount = amount
        }
    }

    /// Limits that hold instead of the scope's own, or beside them; in the order of `Limit.precedes`.
    public var limits: [Limit]
    /// What is added to limits that come from elsewhere. One without such a limit, or with one that is unlimited, has no effect.
    public var additions: [Addition]
    /// Unix ms, whole seconds: from then on, by Redis's clock, it does not hold any more.
    public var expiresAt: Int64
    /// Why it was granted.
    public var reason: String

    /// Takes all as it is.
    public init(limits: [Limit] = [], additions: [Addition] = [], expiresAt: Int64, reason: String) {
        self.limits = limits
        self.additions = additions
        self.expiresAt = expiresAt
        self.reason = reason
    }

    /// The longest reason, in bytes.
    static let longestReason = 500
}

/// What administrators have set for one scope, beside the policy file.
public struct ScopeSettings: Sendable, Hashable {
    /// Of a user.
    public var assignment: Assignment?
    /// Limits of the scope, before those of the file, limit by limit; in the order of `Limit.precedes`.
    public var limits: [Limit]
    /// The last one that was granted, also after it has ended.
    public var override: Override?

    /// Nothing was set.
    public init(assignment: Assignment? = nil, limits: [Limit] = [], override: Override? = nil) {
        self.assignment = assignment
        self.limits = limits
        self.override = override
    }

    /// Nothing was set.
    public static let none = ScopeSettings()
}

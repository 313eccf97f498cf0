package import TollgateCore

/// A temporary change of one scope's limits. A value that nobody owns.
package struct Override: Sendable, Hashable {
    /// More, or with a limit of 0 some, of a limit that holds for the scope anyway.
    package struct Addition: Sendable, Hashable {
        /// Of the limit that it is added to.
        package var meter: Meter
        /// Of the same.
        package var period: Period
        /// Above 0; nano-units for `cost`.
        package var amount: Int64

        /// Takes all as it is.
        package init(_ meter: Meter, _ period: Period, amount: Int64) {
            self.meter = meter
            self.period = period
            self.amount = amount
        }
    }

    /// Limits that hold instead of the scope's own, or beside them; in the order of `Limit.precedes`.
    package var limits: [Limit]
    /// What is added to limits that come from elsewhere. One without such a limit, or with one that is unlimited, has no effect.
    package var additions: [Addition]
    /// Unix ms, whole seconds: from then on, by Redis's clock, it does not hold any more.
    package var expiresAt: Int64
    /// Why it was granted.
    package var reason: String

    /// Takes all as it is.
    package init(limits: [Limit] = [], additions: [Addition] = [], expiresAt: Int64, reason: String) {
        self.limits = limits
        self.additions = additions
        self.expiresAt = expiresAt
        self.reason = reason
    }

    /// The longest reason, in bytes.
    static let maxReasonLength = 500
}

/// What administrators have set for one scope, beside the policy file.
package struct ScopeSettings: Sendable, Hashable {
    /// Of a user.
    package var assignment: Assignment?
    /// Limits of the scope, before those of the file, limit by limit; in the order of `Limit.precedes`.
    package var limits: [Limit]
    /// The last one that was granted, also after it has ended.
    package var override: Override?

    /// Nothing was set.
    package init(assignment: Assignment? = nil, limits: [Limit] = [], override: Override? = nil) {
        self.assignment = assignment
        self.limits = limits
        self.override = override
    }

    /// Nothing was set.
    package static let none = ScopeSettings()
}

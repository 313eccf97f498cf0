package import TollgateCore

/// A temporary change of the limits of one scope.
package struct Override: Sendable, Hashable {
    /// An amount that is added to a limit of the scope. A limit with a max of 0 thereby admits that amount.
    package struct Addition: Sendable, Hashable {
        /// The meter of the limit.
        package var meter: Meter
        /// The period of the limit.
        package var period: Period
        /// The amount, above 0; for `cost` in ``unit``.
        package var amount: Int64
        /// The unit of amounts of `cost`.
        package var unit: MoneyUnit

        /// Creates an addition. The amount is not checked.
        package init(_ meter: Meter, _ period: Period, amount: Int64, unit: MoneyUnit = .nano) {
            self.meter = meter
            self.period = period
            self.amount = amount
            self.unit = unit
        }
    }

    /// Limits that replace the same limits of the scope, or add to them; in the order of `Limit.precedes`.
    package var limits: [Limit]
    /// Amounts that are added to limits from elsewhere. An addition to a missing or unlimited limit has no effect.
    package var additions: [Addition]
    /// The time from which the override has no effect, by Redis's clock: Unix ms, whole seconds.
    package var expiresAt: Int64
    /// The reason that the administrator gave.
    package var reason: String

    /// Creates an override. Its values are not checked.
    package init(limits: [Limit] = [], additions: [Addition] = [], expiresAt: Int64, reason: String) {
        self.limits = limits
        self.additions = additions
        self.expiresAt = expiresAt
        self.reason = reason
    }

    /// The maximum length of the reason, in bytes.
    static let maxReasonLength = 500
}

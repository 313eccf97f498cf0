package import TollgateCore
package import TollgatePolicy

/// The usage of a scope against each of its limits.
package struct ScopeUsage: Sendable {
    package struct Item: Hashable, Sendable {
        package var limit: EffectiveLimit
        package var used: Int64
        /// The amount that open reservations hold.
        package var held: Int64
        /// The time at which the usage resets, Unix ms by Redis's clock; nil if nothing counts, or nothing resets.
        package var resetsAt: Int64?

        /// The amount left of max; nil without a max.
        package var remaining: Int64? { limit.limit.max.map { ScopeUsage.remaining(of: $0, used: used, held: held) } }

        /// The used and held percentage of max, rounded down to a tenth; nil if there is no max or it is 0.
        package var percent: Double? {
            guard let max = limit.limit.max, max > 0 else { return nil }
            return ((Double(used) + Double(held)) * 1_000 / Double(max)).rounded(.down) / 10
        }
    }

    /// Returns the amount left of a max, at least 0. It does not overflow for any `used`.
    package static func remaining(of max: Int64, used: Int64, held: Int64) -> Int64 {
        used >= max ? 0 : Swift.max(max - used - held, 0)
    }

    package var scope: Scope
    package var items: [Item]
}

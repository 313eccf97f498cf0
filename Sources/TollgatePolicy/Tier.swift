package import TollgateCore

/// A named set of limits that users have: `basic`, `premium`. A value that nobody owns.
package struct Tier: Sendable, Hashable {
    /// 1 … 64 of `A-Z a-z 0-9 _ -`.
    package let id: String
    /// What people call it.
    package var name: String?
    /// In the order of `Limit.precedes`.
    package var limits: [Limit]
    /// Nil takes the policy's; the same of the two below.
    package var timeZone: String?
    /// 0 … 23.
    package var resetHour: Int?
    /// 1 … 31.
    package var billingDay: Int?

    /// Takes all as it is; the id is checked by `validate(id:)`.
    package init(
        id: String, name: String? = nil, limits: [Limit] = [], timeZone: String? = nil, resetHour: Int? = nil,
        billingDay: Int? = nil
    ) {
        self.id = id
        self.name = name
        self.limits = limits
        self.timeZone = timeZone
        self.resetHour = resetHour
        self.billingDay = billingDay
    }

    /// The longest name, in bytes.
    static let maxNameLength = 200

    /// Throws a sentence where the text cannot be the id of a tier.
    package static func validate(id: some StringProtocol) throws(ScopeError) {
        let isWellFormed =
            (1...64).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "_"), UInt8(ascii: "-"): true
                default: false
                }
            }
        guard isWellFormed else { throw ScopeError("the id of a tier is 1 to 64 of A-Z a-z 0-9 _ -") }
    }

    /// When days, weeks and months begin for users of the tier.
    package func calendar(over policy: CalendarRules) -> CalendarRules {
        guard timeZone != nil || resetHour != nil || billingDay != nil else { return policy }
        // Each of the three was checked by itself, and any goes with any other.
        return
            (try? CalendarRules(
                timeZone: timeZone ?? policy.timeZone, resetHour: resetHour ?? policy.resetHour,
                billingDay: billingDay ?? policy.billingDay)) ?? policy
    }
}

/// A tier with the place it comes from.
package struct PlacedTier: Sendable, Hashable {
    /// The tier itself.
    package var tier: Tier
    /// Who says so.
    package var origin: Origin

    /// Takes both as they are.
    package init(_ tier: Tier, _ origin: Origin) {
        self.tier = tier
        self.origin = origin
    }
}

/// Who has set a value.
package enum Origin: String, Sendable, Codable {
    /// The policy file of this sidecar.
    case file
    /// An administrator, in Redis, for all sidecars.
    case admin
}

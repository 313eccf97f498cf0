package import TollgateCore

/// A named set of limits for users, such as `basic` or `premium`.
package struct Tier: Sendable, Hashable {
    /// The id: 1 … 64 of `A-Z a-z 0-9 _ -`.
    package let id: String
    /// The display name; nil if the tier has none.
    package var name: String?
    /// A text about the tier for people; nil if it has none.
    package var description: String?
    /// Whether the tier has an effect. Assignments to a disabled tier are skipped, like those to a missing one.
    package var isEnabled: Bool
    /// The limits, in the order of `Limit.precedes`.
    package var limits: [Limit]
    /// The time zone of the tier's users; nil stands for the policy's.
    package var timeZone: String?
    /// The hour at which windows begin, 0 … 23; nil stands for the policy's.
    package var resetHour: Int?
    /// The day on which months begin, 1 … 31; nil stands for the policy's.
    package var billingDay: Int?

    /// Creates a tier. Its values are not checked; `validate(id:)` checks an id.
    package init(
        id: String, name: String? = nil, description: String? = nil, isEnabled: Bool = true, limits: [Limit] = [],
        timeZone: String? = nil, resetHour: Int? = nil, billingDay: Int? = nil
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.isEnabled = isEnabled
        self.limits = limits
        self.timeZone = timeZone
        self.resetHour = resetHour
        self.billingDay = billingDay
    }

    /// The maximum length of the name, in bytes.
    static let maxNameLength = 200
    /// The maximum length of the description, in bytes.
    static let maxDescriptionLength = 1_000

    /// Checks the id of a tier. Throws a sentence if it is invalid.
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

    /// The calendar of the tier's users: its own settings over those of the policy.
    package func calendar(over policy: CalendarRules) -> CalendarRules {
        guard timeZone != nil || resetHour != nil || billingDay != nil else { return policy }
        // Each of the three values was checked, and any combination is valid.
        return
            (try? CalendarRules(
                timeZone: timeZone ?? policy.timeZone, resetHour: resetHour ?? policy.resetHour,
                billingDay: billingDay ?? policy.billingDay)) ?? policy
    }
}

/// A tier of a policy, and its origin.
package struct TierEntry: Sendable, Hashable {
    /// The tier.
    package var tier: Tier
    /// The origin of the tier.
    package var origin: Origin

    /// Creates an entry.
    package init(_ tier: Tier, _ origin: Origin) {
        self.tier = tier
        self.origin = origin
    }
}

/// The origin of a setting.
package enum Origin: String, Sendable, Codable {
    /// The policy file of this sidecar.
    case file
    /// An administrator, by the admin API. Redis stores the setting for all sidecars.
    case admin
}

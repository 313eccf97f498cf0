/// A named set of limits that users have: `basic`, `premium`. A value that nobody owns.
public struct Tier: Sendable, Hashable {
    /// 1 … 64 of `A-Z a-z 0-9 _ -`.
    public let id: String
    /// What people call it.
    public var name: String?
    /// In the order of `Limit.precedes`.
    public var limits: [Limit]
    /// Nil takes the policy's; the same of the two below.
    public var timeZone: String?
    /// 0 … 23.
    public var resetHour: Int?
    /// 1 … 31.
    public var billingDay: Int?

    /// Takes all as it is; the id is checked by `validate(id:)`.
    public init(
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
    static let longestName = 200

    /// Throws a sentence where the text cannot be the id of a tier.
    public static func validate(id: some StringProtocol) throws(ScopeError) {
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
    public func calendar(over policy: CalendarRules) -> CalendarRules {
        guard timeZone != nil || resetHour != nil || billingDay != nil else { return policy }
        // Each of the three was checked by itself, and any goes with any other.
        return
            (try? CalendarRules(
                timeZone: timeZone ?? policy.timeZone, resetHour: resetHour ?? policy.resetHour,
                billingDay: billingDay ?? policy.billingDay)) ?? policy
    }
}

/// A tier with the place it comes from.
public struct PlacedTier: Sendable, Hashable {
    /// The tier itself.
    public var tier: Tier
    /// Who says so.
    public var origin: Origin

    /// Takes both as they are.
    public init(_ tier: Tier, _ origin: Origin) {
        self.tier = tier
        self.origin = origin
    }
}

/// Who has set a value.
public enum Origin: String, Sendable, Codable {
    /// The policy file of this sidecar.
    case file
    /// An administrator, in Redis, for all sidecars.
    case admin
}

/// A meter: the quantity that a limit counts.
public enum Meter: UInt8, CaseIterable, Sendable, Hashable {
    case requests = 1
    case tokens
    case inputTokens
    case outputTokens
    /// Money. Amounts are whole numbers of the policy's ``MoneyUnit``.
    case cost
    /// Open reservations. It is the only meter that decreases without a refund.
    case concurrent

    /// The name in the policy file, in the protocol and in Redis.
    public var name: String {
        switch self {
        case .requests: "requests"
        case .tokens: "tokens"
        case .inputTokens: "input_tokens"
        case .outputTokens: "output_tokens"
        case .cost: "cost"
        case .concurrent: "concurrent"
        }
    }

    /// The meter with a name; nil if there is none.
    package init?(name: some StringProtocol) {
        guard let meter = Meter.allCases.first(where: { $0.name == name }) else { return nil }
        self = meter
    }

    /// The maximum amount of one request: a million requests, 10¹² tokens, 9 × 10¹⁵ units of money, one reservation.
    package var maxAmount: Int64 {
        switch self {
        case .requests: 1_000_000
        case .tokens, .inputTokens, .outputTokens: 1_000_000_000_000
        case .cost: MoneyUnit.maxAmount
        case .concurrent: 1
        }
    }

    /// The maximum `max` of a limit. It is below 2⁵³, so the doubles of the Lua functions represent it exactly.
    package var maxLimit: Int64 { 9_000_000_000_000_000 }

    /// The name of a limit on this meter, unique within a scope: `requests/1m`, or `concurrent` alone.
    package func limitName(over period: Period) -> String {
        self == .concurrent ? name : "\(name)/\(period)"
    }

    /// The text of an amount: a whole number, or decimal text for `cost`.
    package func text(_ amount: Int64, in unit: MoneyUnit) -> String {
        self == .cost ? unit.text(amount) : String(amount)
    }
}

extension Meter: CustomStringConvertible {
    /// The meter's name.
    public var description: String { name }
}

/// What happens to the tokens and the cost that a reservation holds when it expires.
public enum ExpiryRule: String, Sendable, CaseIterable {
    /// They are no longer held.
    case release
    /// They become usage.
    case charge
}

/// The effect of a limit that is reached.
public enum LimitMode: String, Sendable, CaseIterable {
    /// The limit denies requests.
    case enforce
    /// The limit counts and reports, and never denies.
    case shadow
}

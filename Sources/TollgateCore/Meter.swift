/// What a limit counts.
public enum Meter: UInt8, CaseIterable, Sendable, Hashable {
    case requests = 1
    case tokens
    case inputTokens
    case outputTokens
    /// Money, in nano-units (10⁻⁹ of the policy's currency) wherever it is a number.
    case cost
    /// Open reservations; the one meter that goes down by itself.
    case concurrent

    /// The word used in the policy file, on the wire and in Redis.
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

    /// Nil when no meter has that name.
    package init?(name: some StringProtocol) {
        guard let meter = Meter.allCases.first(where: { $0.name == name }) else { return nil }
        self = meter
    }

    /// The largest amount one request may name: a million requests, 10¹² tokens, 9 000 000 of the currency, one reservation.
    package var maxAmount: Int64 {
        switch self {
        case .requests: 1_000_000
        case .tokens, .inputTokens, .outputTokens: 1_000_000_000_000
        case .cost: Money.largest.nanos
        case .concurrent: 1
        }
    }

    /// The largest `max` a limit may have. Below 2⁵³, so that the scripts' doubles compare exactly against it.
    package var maxLimit: Int64 { 9_000_000_000_000_000 }

    /// The name of a limit on this meter: `requests/1m`, or `concurrent` alone. Unique within a scope.
    package func limitName(over period: Period) -> String {
        self == .concurrent ? name : "\(name)/\(period)"
    }

    /// An amount as it is printed: whole numbers, or decimal text for `cost`.
    package func text(_ amount: Int64) -> String {
        self == .cost ? Money(nanos: amount).description : String(amount)
    }
}

extension Meter: CustomStringConvertible {
    /// The meter's name.
    public var description: String { name }
}

/// What a limit that is reached does.
public enum LimitMode: String, Sendable, CaseIterable {
    /// It denies.
    case enforce
    /// It counts and reports, and never denies.
    case shadow
}

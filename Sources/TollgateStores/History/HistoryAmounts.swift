package import TollgateCore

/// A meter of the history of a scope.
package enum HistoryMeter: String, CaseIterable, Sendable {
    /// Requests counted by CHECK and RESERVE, and by usage that states them.
    case requests
    /// Calls whose usage RECORD and COMMIT have reported, less refunded ones.
    case calls
    /// Requests that a limit of the scope denied.
    case denied
    /// Requests that only a shadow limit of the scope would have denied.
    case wouldDeny = "would_deny"
    case tokens
    case inputTokens = "input_tokens"
    case outputTokens = "output_tokens"
    /// Units of money.
    case cost

    /// The name used in Redis, in queries and in reports.
    package var name: String { rawValue }

    /// The meters by which the scopes of a kind are ranked.
    package static let ranked: [HistoryMeter] = [.requests, .calls, .denied, .wouldDeny, .tokens, .cost]
}

/// One amount per meter. Sums saturate at the largest Int64. Only differences can be negative.
package struct HistoryAmounts: Sendable, Hashable {
    private var requests: Int64 = 0
    private var calls: Int64 = 0
    private var denied: Int64 = 0
    private var wouldDeny: Int64 = 0
    private var tokens: Int64 = 0
    private var inputTokens: Int64 = 0
    private var outputTokens: Int64 = 0
    private var cost: Int64 = 0

    /// Creates amounts that are all zero.
    package init() {}

    package subscript(meter: HistoryMeter) -> Int64 {
        get {
            switch meter {
            case .requests: requests
            case .calls: calls
            case .denied: denied
            case .wouldDeny: wouldDeny
            case .tokens: tokens
            case .inputTokens: inputTokens
            case .outputTokens: outputTokens
            case .cost: cost
            }
        }
        set {
            switch meter {
            case .requests: requests = newValue
            case .calls: calls = newValue
            case .denied: denied = newValue
            case .wouldDeny: wouldDeny = newValue
            case .tokens: tokens = newValue
            case .inputTokens: inputTokens = newValue
            case .outputTokens: outputTokens = newValue
            case .cost: cost = newValue
            }
        }
    }

    /// The text of a meter's amount: a whole number, or decimal text for `cost`.
    package func text(of meter: HistoryMeter, in unit: MoneyUnit) -> String {
        meter == .cost ? unit.text(cost) : String(self[meter])
    }

    package var isZero: Bool { self == HistoryAmounts() }

    /// Adds an amount to a meter, up to the largest Int64.
    package mutating func add(_ amount: Int64, to meter: HistoryMeter) {
        let (sum, isTooLarge) = self[meter].addingReportingOverflow(amount)
        self[meter] = isTooLarge ? .max : sum
    }

    package static func += (sum: inout HistoryAmounts, more: HistoryAmounts) {
        for meter in HistoryMeter.allCases { sum.add(more[meter], to: meter) }
    }

    package static func + (lhs: HistoryAmounts, rhs: HistoryAmounts) -> HistoryAmounts {
        var sum = lhs
        sum += rhs
        return sum
    }

    /// Returns the difference, which is negative for a meter of which the part has more. Both must be 0 or more.
    package func subtracting(_ part: HistoryAmounts) -> HistoryAmounts {
        var rest = self
        for meter in HistoryMeter.allCases { rest[meter] -= part[meter] }
        return rest
    }

    /// Whether these amounts come first in a list: by cost, then tokens, requests, calls, denials. Nil if they are equal.
    package func precedes(_ other: HistoryAmounts) -> Bool? {
        for meter in [HistoryMeter.cost, .tokens, .requests, .calls, .denied, .wouldDeny, .inputTokens, .outputTokens]
        where self[meter] != other[meter] {
            return self[meter] > other[meter]
        }
        return nil
    }
}

/// One number a meter; what would be more than an Int64 stays at its largest. Below zero only as what is left of others.
package struct HistoryAmounts: Sendable, Hashable {
    private var requests: Int64 = 0
    private var denied: Int64 = 0
    private var tokens: Int64 = 0
    private var inputTokens: Int64 = 0
    private var outputTokens: Int64 = 0
    private var cost: Int64 = 0

    /// Nothing of anything.
    package init() {}

    package subscript(meter: HistoryMeter) -> Int64 {
        get {
            switch meter {
            case .requests: requests
            case .denied: denied
            case .tokens: tokens
            case .inputTokens: inputTokens
            case .outputTokens: outputTokens
            case .cost: cost
            }
        }
        set {
            switch meter {
            case .requests: requests = newValue
            case .denied: denied = newValue
            case .tokens: tokens = newValue
            case .inputTokens: inputTokens = newValue
            case .outputTokens: outputTokens = newValue
            case .cost: cost = newValue
            }
        }
    }

    package var isZero: Bool { self == HistoryAmounts() }

    /// Adds, up to the largest Int64.
    package mutating func add(_ amount: Int64, to meter: HistoryMeter) {
        let (sum, isTooLarge) = self[meter].addingReportingOverflow(amount)
        self[meter] = isTooLarge ? .max : sum
    }

    package static func += (sum: inout HistoryAmounts, more: HistoryAmounts) {
        for meter in HistoryMeter.allCases { sum.add(more[meter], to: meter) }
    }

    /// What is left of it: below zero where the part has more. Both have 0 or more of everything.
    package func subtracting(_ part: HistoryAmounts) -> HistoryAmounts {
        var rest = self
        for meter in HistoryMeter.allCases { rest[meter] -= part[meter] }
        return rest
    }

    /// Which of two stands first in a list: the one that cost more, then the one with more tokens, requests, denials. Nil for equals.
    package func precedes(_ other: HistoryAmounts) -> Bool? {
        for meter in [HistoryMeter.cost, .tokens, .requests, .denied, .inputTokens, .outputTokens]
        where self[meter] != other[meter] {
            return self[meter] > other[meter]
        }
        return nil
    }
}

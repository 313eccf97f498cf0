package import TollgateCore

/// The tokens and the cost of one UTC day or hour of an account, as its provider counts them.
///
/// A figure is nil if the provider does not say it, which is not zero.
package struct ProviderFigures: Equatable, Sendable {
    /// Input tokens that were neither read from a cache nor written to one. OpenRouter includes those.
    package var inputTokens: Int64?
    /// Input tokens read from a cache.
    package var cacheReadTokens: Int64?
    /// Input tokens written to a cache.
    package var cacheWriteTokens: Int64?
    /// Output tokens.
    package var outputTokens: Int64?
    /// Requests to models.
    package var requests: Int64?
    /// The cost in US dollars, rounded half up to nano-units once.
    package var cost: Money?

    /// The maximum of each number, and of the cost in dollars or cents.
    package static let maxAmount: Int64 = 1_000_000_000_000_000

    package init(
        inputTokens: Int64? = nil, cacheReadTokens: Int64? = nil, cacheWriteTokens: Int64? = nil,
        outputTokens: Int64? = nil, requests: Int64? = nil, cost: Money? = nil
    ) {
        self.inputTokens = inputTokens
        self.cacheReadTokens = cacheReadTokens
        self.cacheWriteTokens = cacheWriteTokens
        self.outputTokens = outputTokens
        self.requests = requests
        self.cost = cost
    }

    /// Returns these figures, with those of another report where these are nil.
    func filled(from other: ProviderFigures) -> ProviderFigures {
        ProviderFigures(
            inputTokens: inputTokens ?? other.inputTokens, cacheReadTokens: cacheReadTokens ?? other.cacheReadTokens,
            cacheWriteTokens: cacheWriteTokens ?? other.cacheWriteTokens,
            outputTokens: outputTokens ?? other.outputTokens, requests: requests ?? other.requests,
            cost: cost ?? other.cost)
    }
}

/// The sum of a bucket's rows. Costs are summed exactly, and rounded once at the end.
struct FiguresSum {
    private(set) var figures = ProviderFigures()
    private var cost: ExactDecimal?
    private var credits = ExactDecimal()

    /// Adds a number of tokens or requests. Throws a failure that names the field if the sum is more than 10¹⁵.
    mutating func add(
        _ amount: Int64, to figure: WritableKeyPath<ProviderFigures, Int64?>, field: String
    ) throws(ProviderFailure) {
        // Neither is more than 10¹⁵, so the sum does not overflow.
        let sum = (figures[keyPath: figure] ?? 0) + amount
        guard sum <= ProviderFigures.maxAmount else { throw .malformed("\(field): the sum is more than 10^15") }
        figures[keyPath: figure] = sum
    }

    /// Adds a cost, or subtracts a credit, in the unit of the provider.
    mutating func add(cost amount: ExactDecimal, isCredit: Bool = false) {
        cost = cost ?? ExactDecimal()
        if isCredit { credits += amount } else { cost? += amount }
    }

    /// Rounds the cost to nano-dollars, and the credits by themselves. Throws a failure that names the field if the sum is more than 10¹⁵.
    ///
    /// - Parameter power: 9 for dollars, 7 for cents.
    mutating func finish(timesTenToThe power: Int, field: String) throws(ProviderFailure) {
        guard let cost else { return }
        guard cost.isInRange, credits.isInRange, let nanos = cost.rounded(timesTenToThe: power),
            let credit = credits.rounded(timesTenToThe: power)
        else { throw .malformed("\(field): the sum is more than 10^15") }
        figures.cost = Money(nanos: nanos - credit)
    }
}

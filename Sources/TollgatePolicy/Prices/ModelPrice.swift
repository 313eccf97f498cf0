package import TollgateCore

/// The price of a model: a rate for each item that a provider bills.
package struct ModelPrice: Sendable, Equatable {
    /// An item that a provider bills. The raw values are the words of the price file.
    package enum Item: String, CaseIterable, Sendable {
        /// A million tokens of the prompt, without those from or into the provider's cache.
        case input
        /// A million tokens of the completion.
        case output
        /// A million tokens of the prompt that the provider's cache had; at the rate of `input` where it has none.
        case cacheRead = "cache_read"
        /// A million tokens of the prompt that go into the provider's cache; at the rate of `input` where it has none.
        case cacheWrite = "cache_write"
        /// A call.
        case request
        /// An image.
        case image
        /// A minute of audio or video.
        case minute
    }

    /// The rates by item. An item without a rate is not free: its price is not known.
    package var rates: [Item: Rate] = [:]

    /// Creates a price.
    package init(_ rates: [Item: Rate] = [:]) {
        self.rates = rates
    }

    /// The rate of an item; nil if it is not known.
    func rate(of item: Item) -> Rate? {
        if let rate = rates[item] { return rate }
        return item == .cacheRead || item == .cacheWrite ? rates[.input] : nil
    }
}

// MARK: - Cost

extension ModelPrice {
    /// The cost of a call.
    package struct Cost: Sendable, Equatable {
        /// The cost in the unit, rounded half up once; nil if it is more than one call may cost.
        package var amount: Int64?
        /// The items of the call whose price is not known, which the amount leaves out.
        package var unknownItems: [Item]
        /// The number of items of the call whose price is known.
        package var knownItems: Int
    }

    /// Tokens are billed by the million, and audio by the minute: sums count 10⁻¹² of the currency times the product.
    private static let tokens: Int128 = 60_000
    private static let calls: Int128 = 1_000_000 * 60_000
    private static let milliseconds: Int128 = 1_000_000

    /// Returns the cost of a call, which is one request unless the amounts say otherwise; nil if nothing in it has a
    /// price, as for a CHECK that names no tokens of a model billed by tokens.
    ///
    /// Sums cannot overflow: 10¹² tokens at the maximum rate are 5.4 × 10³⁵, and an Int128 has room for 300 times that.
    package func cost(of amounts: Amounts, in unit: MoneyUnit) -> Cost? {
        guard amounts.areBilled || rates[.request] != nil else { return nil }
        var (sum, unknown, known): (Int128, [Item], Int) = (0, [], 0)
        func add(_ item: Item, _ amount: Int64, _ factor: Int128) {
            guard amount > 0 else { return }
            guard let rate = rate(of: item) else { return unknown.append(item) }
            known += 1
            sum += Int128(rate.picos) * Int128(amount) * factor
        }
        add(.input, amounts.inputTokens ?? 0, Self.tokens)
        add(.output, amounts.outputTokens ?? 0, Self.tokens)
        add(.cacheRead, amounts.cacheReadTokens, Self.tokens)
        add(.cacheWrite, amounts.cacheWriteTokens, Self.tokens)
        // Tokens that may be of either are billed at the dearer rate.
        add(dearerOfInputAndOutput, amounts.unsplitTokens, Self.tokens)
        add(.image, amounts.images, Self.calls)
        add(.minute, amounts.milliseconds, Self.milliseconds)
        if rates[.request] != nil { add(.request, amounts.requests ?? 1, Self.calls) }
        let divisor = Int128(Rate.countPerCurrencyUnit) * Self.calls / Int128(unit.countPerCurrencyUnit)
        let rounded = (sum + divisor / 2) / divisor
        let isInRange = rounded <= Int128(Meter.cost.maxAmount)
        return Cost(amount: isInRange ? Int64(rounded) : nil, unknownItems: unknown, knownItems: known)
    }

    /// The item at whose rate tokens are billed that may be of either.
    private var dearerOfInputAndOutput: Item {
        guard let input = rates[.input] else { return .output }
        guard let output = rates[.output] else { return .input }
        return output.picos > input.picos ? .output : .input
    }
}

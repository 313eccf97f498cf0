/// The amounts that a request asks for or reports, per meter; nil for a meter that it does not name.
public struct Amounts: Sendable, Hashable {
    /// The number of calls.
    public var requests: Int64?
    // Where the fields around it leave room, as each request copies them: at most a million images and seconds.
    @usableFromInline var fewImages: Int32 = 0
    /// The total number of tokens.
    public var tokens: Int64?
    @usableFromInline var fewMilliseconds: Int32 = 0
    /// The tokens of the prompt.
    public var inputTokens: Int64?
    /// The tokens of the completion.
    public var outputTokens: Int64?
    /// The cost in ``unit``.
    public var cost: Int64?
    /// The unit of the cost.
    public var unit = MoneyUnit.nano
    /// The tokens of the prompt that the provider's cache had, which ``inputTokens`` does not include; 0 for none.
    public var cacheReadTokens: Int64 = 0
    /// The tokens of the prompt that go into the provider's cache, which ``inputTokens`` does not include; 0 for none.
    public var cacheWriteTokens: Int64 = 0

    /// Creates amounts of nothing in a unit. Each request begins with them, so it is inlined.
    @inlinable
    package init(nothingIn unit: MoneyUnit) {
        requests = nil
        fewImages = 0
        tokens = nil
        fewMilliseconds = 0
        inputTokens = nil
        outputTokens = nil
        cost = nil
        self.unit = unit
        cacheReadTokens = 0
        cacheWriteTokens = 0
    }

    /// Creates amounts, with the cost in nano-units (10⁻⁹ of the currency).
    public init(
        requests: Int64? = nil, tokens: Int64? = nil, inputTokens: Int64? = nil, outputTokens: Int64? = nil,
        cost: Int64? = nil, cacheReadTokens: Int64 = 0, cacheWriteTokens: Int64 = 0, images: Int64 = 0,
        milliseconds: Int64 = 0
    ) {
        self.requests = requests
        self.tokens = tokens
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.cost = cost
        self.cacheReadTokens = cacheReadTokens
        self.cacheWriteTokens = cacheWriteTokens
        self.images = images
        self.milliseconds = milliseconds
    }

    /// Creates amounts with the cost as money.
    public init(
        requests: Int64? = nil, tokens: Int64? = nil, inputTokens: Int64? = nil, outputTokens: Int64? = nil, cost: Money
    ) {
        self.init(requests: requests, tokens: tokens, inputTokens: inputTokens, outputTokens: outputTokens)
        // An amount that fits no unit is refused like one that is too large.
        unit = .finest(for: [cost], upTo: MoneyUnit.maxAmount) ?? .coarsest(for: cost)
        self.cost = cost.amount(in: unit) ?? .max
    }

    /// The images, which only have a price, at most 2³¹ - 1; 0 for none.
    public var images: Int64 {
        get { Int64(fewImages) }
        set { fewImages = Int32(clamping: newValue) }
    }

    /// The audio or video in milliseconds, which only has a price, at most 2³¹ - 1; 0 for none.
    public var milliseconds: Int64 {
        get { Int64(fewMilliseconds) }
        set { fewMilliseconds = Int32(clamping: newValue) }
    }

    /// Whether the amounts are one request and no other meter.
    @inlinable
    package var areOneRequest: Bool {
        requests == 1 && tokens == nil && inputTokens == nil && outputTokens == nil && cost == nil
            && cacheReadTokens | cacheWriteTokens == 0
    }

    /// The amount of a meter. `tokens` is the value as it was given, not a sum. `concurrent` is always nil: a
    /// reservation counts as one.
    @inlinable
    package subscript(meter: Meter) -> Int64? {
        get {
            switch meter {
            case .requests: requests
            case .tokens: tokens
            case .inputTokens: inputTokens
            case .outputTokens: outputTokens
            case .cost: cost
            case .concurrent: nil
            }
        }
        set {
            switch meter {
            case .requests: requests = newValue
            case .tokens: tokens = newValue
            case .inputTokens: inputTokens = newValue
            case .outputTokens: outputTokens = newValue
            case .cost: cost = newValue
            case .concurrent: break
            }
        }
    }

    /// The total number of tokens: `tokens`, or else the sum of input, output and cache tokens; nil if none of them is
    /// given.
    @inlinable
    package var allTokens: Int64? {
        if let tokens { return tokens }
        let cached = cacheReadTokens + cacheWriteTokens
        guard inputTokens != nil || outputTokens != nil || cached != 0 else { return nil }
        return (inputTokens ?? 0) + (outputTokens ?? 0) + cached
    }

    /// The tokens of which it is not known whether they are of the prompt: what `tokens` has more than its parts.
    package var unsplitTokens: Int64 {
        let parts = (inputTokens ?? 0) + (outputTokens ?? 0) + cacheReadTokens + cacheWriteTokens
        return max(0, (tokens ?? 0) - parts)
    }

    /// Whether the amounts have anything that a provider bills, besides calls.
    package var areBilled: Bool {
        (allTokens ?? 0) | images | milliseconds != 0
    }
}

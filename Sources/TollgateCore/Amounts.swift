/// The amounts that a request asks for or reports, per meter; nil for a meter that it does not name.
public struct Amounts: Sendable, Hashable {
    /// The number of calls.
    public var requests: Int64?
    /// The total number of tokens.
    public var tokens: Int64?
    /// The tokens of the prompt.
    public var inputTokens: Int64?
    /// The tokens of the completion.
    public var outputTokens: Int64?
    /// The cost in ``unit``.
    public var cost: Int64?
    /// The unit of the cost.
    public var unit = MoneyUnit.nano

    /// Creates amounts, with the cost in nano-units (10⁻⁹ of the currency).
    public init(
        requests: Int64? = nil, tokens: Int64? = nil, inputTokens: Int64? = nil, outputTokens: Int64? = nil,
        cost: Int64? = nil
    ) {
        self.requests = requests
        self.tokens = tokens
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.cost = cost
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

    /// Whether the amounts are one request and no other meter.
    @inlinable
    package var areOneRequest: Bool {
        requests == 1 && tokens == nil && inputTokens == nil && outputTokens == nil && cost == nil
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

    /// The total number of tokens: `tokens`, or else the sum of input and output tokens; nil if none of them is given.
    @inlinable
    package var allTokens: Int64? {
        if let tokens { return tokens }
        guard inputTokens != nil || outputTokens != nil else { return nil }
        return (inputTokens ?? 0) + (outputTokens ?? 0)
    }
}

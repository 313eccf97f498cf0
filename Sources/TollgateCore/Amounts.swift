/// What one request asks for or reports, per meter; nil where it does not say.
public struct Amounts: Sendable, Hashable {
    /// Calls counted.
    public var requests: Int64?
    /// Tokens in all.
    public var tokens: Int64?
    /// Tokens sent.
    public var inputTokens: Int64?
    /// Tokens received.
    public var outputTokens: Int64?
    /// Nano-units.
    public var cost: Int64?

    /// Names the meters that the request speaks of.
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

    /// With the cost as money.
    public init(
        requests: Int64? = nil, tokens: Int64? = nil, inputTokens: Int64? = nil, outputTokens: Int64? = nil, cost: Money
    ) {
        self.init(
            requests: requests, tokens: tokens, inputTokens: inputTokens, outputTokens: outputTokens, cost: cost.nanos)
    }

    /// Whether it is one request, and says nothing of other meters.
    @inlinable
    package var areOneRequest: Bool {
        requests == 1 && tokens == nil && inputTokens == nil && outputTokens == nil && cost == nil
    }

    /// What it says of one meter; `tokens` as it was given, not as a sum. Nothing names an amount of `concurrent`: a
    /// reservation is one.
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

    /// `tokens` where it is given, else the sum of input and output tokens where at least one of them is.
    @inlinable
    package var allTokens: Int64? {
        if let tokens { return tokens }
        guard inputTokens != nil || outputTokens != nil else { return nil }
        return (inputTokens ?? 0) + (outputTokens ?? 0)
    }
}

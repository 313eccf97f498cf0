/// What becomes of a decision when Redis cannot be asked, per meter.
public struct FailureRules: Sendable, Hashable {
    /// The rule for `requests`.
    public var requests: FailureRule = .open
    /// The rule for `tokens`.
    public var tokens: FailureRule = .open
    /// Nil follows `tokens`.
    public var inputTokens: FailureRule?
    /// Nil follows `tokens`.
    public var outputTokens: FailureRule?
    /// The rule for `cost`.
    public var cost: FailureRule = .closed
    /// The rule for `concurrent`.
    public var concurrent: FailureRule = .open

    /// All open but cost.
    public init() {}

    /// The rule of a meter; reading follows `tokens` where input or output tokens have none.
    public subscript(meter: Meter) -> FailureRule {
        get {
            switch meter {
            case .requests: requests
            case .tokens: tokens
            case .inputTokens: inputTokens ?? tokens
            case .outputTokens: outputTokens ?? tokens
            case .cost: cost
            case .concurrent: concurrent
            }
        }
        set {
            switch meter {
            case .requests: requests = newValue
            case .tokens: tokens = newValue
            case .inputTokens: inputTokens = newValue
            case .outputTokens: outputTokens = newValue
            case .cost: cost = newValue
            case .concurrent: concurrent = newValue
            }
        }
    }
}

package import TollgateCore

/// What becomes of a decision when Redis cannot be asked, per meter.
package struct FailureRules: Sendable, Hashable {
    /// The rule for `requests`.
    package var requests: FailureRule = .open
    /// The rule for `tokens`.
    package var tokens: FailureRule = .open
    /// Nil follows `tokens`.
    package var inputTokens: FailureRule?
    /// Nil follows `tokens`.
    package var outputTokens: FailureRule?
    /// The rule for `cost`.
    package var cost: FailureRule = .closed
    /// The rule for `concurrent`.
    package var concurrent: FailureRule = .open

    /// All open but cost.
    package init() {}

    /// The rule of a meter; reading follows `tokens` where input or output tokens have none.
    package subscript(meter: Meter) -> FailureRule {
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

package import TollgateCore

/// The decision of a limit while Redis is unavailable.
package enum FailureRule: String, Sendable, CaseIterable {
    /// The limit admits.
    case open
    /// The limit denies.
    case closed
}

/// The decisions while Redis is unavailable, per meter. The default is `open`, and `closed` for `cost`.
package struct FailureRules: Sendable, Hashable {
    /// The rule for `requests`.
    package var requests: FailureRule = .open
    /// The rule for `tokens`.
    package var tokens: FailureRule = .open
    /// The rule for `input_tokens`; nil stands for the rule for `tokens`.
    package var inputTokens: FailureRule?
    /// The rule for `output_tokens`; nil stands for the rule for `tokens`.
    package var outputTokens: FailureRule?
    /// The rule for `cost`.
    package var cost: FailureRule = .closed
    /// The rule for `concurrent`.
    package var concurrent: FailureRule = .open

    /// Creates the default rules.
    package init() {}

    /// The rule of a meter. Input and output tokens without a rule of their own have the rule of `tokens`.
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

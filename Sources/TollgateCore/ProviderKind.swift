/// A provider whose usage can be read.
package enum ProviderKind: String, Sendable, CaseIterable {
    case anthropic, openai, openrouter, github

    /// The lists of ids by which the provider can filter usage, as the policy file calls them.
    package var filters: [String] {
        switch self {
        case .anthropic: ["workspace_ids", "api_key_ids"]
        case .openai: ["project_ids", "api_key_ids"]
        case .openrouter, .github: []
        }
    }

    /// The meters of which the provider reports figures by day.
    package var meters: Set<Meter> {
        switch self {
        case .anthropic: [.tokens, .inputTokens, .outputTokens, .cost]
        case .openai, .openrouter: [.requests, .tokens, .inputTokens, .outputTokens, .cost]
        case .github: []
        }
    }
}

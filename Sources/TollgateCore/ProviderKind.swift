/// A provider whose usage can be read.
package enum ProviderKind: String, Sendable, CaseIterable {
    case anthropic, openai, openrouter, github

    /// The maximum number of ids in a list of ``filters``.
    package static let maxIDs = 100
    /// The maximum length of such an id, in bytes.
    package static let maxIDLength = 128

    /// The lists of ids by which the provider can filter usage, as the policy file calls them.
    package var filters: [String] {
        switch self {
        case .anthropic: ["workspace_ids", "api_key_ids"]
        case .openai: ["project_ids", "api_key_ids"]
        case .openrouter, .github: []
        }
    }

    /// The currency of the costs that all providers report.
    package static let currency = "USD"

    /// The meters of which the provider reports figures by day.
    package var meters: Set<Meter> {
        switch self {
        case .anthropic: [.tokens, .inputTokens, .outputTokens, .cost]
        case .openai, .openrouter: [.requests, .tokens, .inputTokens, .outputTokens, .cost]
        case .github: []
        }
    }

    /// Whether a text has the form of an id in such a list.
    package static func isID(_ text: String) -> Bool {
        (1...maxIDLength).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy {
                $0.isASCII && $0.properties.isAlphabetic || "0123456789-_".unicodeScalars.contains($0)
            }
    }
}

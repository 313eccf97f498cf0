import TollgateCore

/// What the days and months of a scope count.
package enum HistoryMeter: String, CaseIterable, Sendable {
    case requests
    /// Requests that a limit of the scope refused.
    case denied
    case tokens
    case inputTokens = "input_tokens"
    case outputTokens = "output_tokens"
    /// Nano-units.
    case cost

    /// The word used in Redis, in queries and in reports.
    package var name: String { rawValue }

    /// Those by which the scopes of a kind are ranked.
    package static let ranked: [HistoryMeter] = [.requests, .denied, .tokens, .cost]

    /// An amount as it is printed: whole numbers, or decimal text for `cost`.
    package func text(_ amount: Int64) -> String {
        self == .cost ? Money(nanos: amount).description : String(amount)
    }
}

import TollgateClient

/// A tool that an agent may call. It simulates latency and occasional failures.
struct Tool: Sendable {
    /// The result of a call, and its actual usage.
    struct Answer {
        var text: String
        var tokens: Int64
        var cost: Money
    }

    struct Failure: Error {}

    static let all = [
        Tool(name: "search", maxTokens: 500, maxCost: Money(nanos: 5_000_000)),
        Tool(name: "summarize", maxTokens: 4_000, maxCost: Money(nanos: 70_000_000)),
        Tool(name: "createIssues", maxTokens: 1_000, maxCost: Money(nanos: 20_000_000)),
    ]

    let name: String
    /// The maximum usage of one call.
    let maxTokens: Int64
    let maxCost: Money

    /// Simulates a request to a provider.
    func run() async throws -> Answer {
        try await Task.sleep(for: .milliseconds(.random(in: 50...500)))
        if Int.random(in: 0..<10) == 0 { throw Failure() }
        let tokens = Int64.random(in: maxTokens / 4...maxTokens)
        let cost = Money(nanos: maxCost.nanos * Int128(tokens) / Int128(maxTokens))
        return Answer(text: "done with \(tokens) tokens for \(cost)", tokens: tokens, cost: cost)
    }
}

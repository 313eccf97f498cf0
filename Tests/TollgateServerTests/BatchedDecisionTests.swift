import Testing
import TollgateCore
import TollgateTestSupport

/// CHECKs that share a batch. Their replies must not differ from those of single requests.
@Suite struct BatchedDecisionTests {
    /// Small limits that deny and warn within one batch.
    private struct RandomCase {
        var random: SeededGenerator

        mutating func policy() -> String {
            let periods = ["1h", "24h", "day", "month", "total"].shuffled(using: &random)
            let users = periods.prefix(Int.random(in: 1...5, using: &random)).map { "\($0): \(limit())" }
            let tools = periods.prefix(Int.random(in: 0...2, using: &random)).map { "\($0): \(limit())" }
            return """
                defaults:
                  user: { requests: { \(users.joined(separator: ", ")) }, cost: { day: \(limit()) } }
                  tool: { requests: { \(tools.joined(separator: ", ")) } }
                """
        }

        private mutating func limit() -> String {
            let max = Int.random(in: 4...60, using: &random)
            let mode = Int.random(in: 0..<4, using: &random) == 0 ? "shadow" : "enforce"
            let threshold = Int.random(in: 5...120, using: &random)
            return "{ max: \(max), mode: \(mode), thresholds: [\(threshold)] }"
        }

        /// Requests of one user, named `NAME`, and its tool.
        mutating func requests(count: Int) -> [String] {
            (0..<count).map { _ in
                switch Int.random(in: 0..<20, using: &random) {
                case 0: "PEEK user=NAME tool=NAME"
                case 1: "CHECK user=NAME requests=2"
                case 2: "RECORD user=NAME tool=NAME cost=1.5"
                case 3: "RECORD tool=NAME requests=3"
                case 4: "REFUND user=NAME requests=2"
                case 5: "CHECK tool=NAME"
                default: "CHECK user=NAME tool=NAME"
                }
            }
        }
    }

    @Test("requests in one batch get the same replies as one by one", arguments: 0..<20)
    func sameAsOneByOne(_ seed: UInt64) async throws {
        var random = RandomCase(random: SeededGenerator(seed: seed))
        try await withServer(policy: random.policy()) { harness in
            let requests = random.requests(count: 80)
            let together = try await harness.client().ask(Self.requests(requests, of: "a"))
            let client = try harness.client()
            var alone: [String] = []
            for request in Self.requests(requests, of: "b") { alone += try await client.ask([request]) }
            for (request, (batched, single)) in zip(requests, zip(together, alone)) {
                #expect(Self.plain(batched, of: "a") == Self.plain(single, of: "b"), "\(request)")
            }
        }
    }

    private static func requests(_ requests: [String], of name: String) -> [String] {
        requests.map { $0.replacing("NAME", with: name) }
    }

    /// Returns a reply without the user's name and without times.
    private static func plain(_ reply: String, of name: String) -> String {
        reply.replacing(":\(name)/", with: ":NAME/").replacing(/(reset|retry_after)=[0-9.]+/, with: "")
    }
}

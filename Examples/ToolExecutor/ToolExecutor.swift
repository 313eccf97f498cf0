import TollgateClient

/// Runs the tools that agents ask for, within the limits of their users: an example of a service beside a sidecar.
///
///     scripts/run                         # in one terminal: a sidecar with the example policy
///     swift run ToolExecutor              # in another; takes an address, such as unix:/run/tollgate/tollgate.sock
@main
struct ToolExecutor {
    /// How long a user is made to wait for a limit, in seconds; and how often.
    static let maxWait = 5.0
    static let maxWaits = 3

    let tollgate: TollgateClient

    static func main() async throws {
        let address = try CommandLine.arguments.dropFirst().first.map { try TollgateAddress(parsing: $0) } ?? .local
        // Without a sidecar the tools go on working; what they use is recorded where that can be.
        let tollgate = TollgateClient(address, onUnavailable: .allow)
        let executor = ToolExecutor(tollgate: tollgate)
        await withDiscardingTaskGroup { group in
            for user in ["alice", "bob"] {
                for tool in Tool.all {
                    for number in 1...6 {
                        group.addTask { await executor.run(tool, for: user, number) }
                    }
                }
            }
        }
        await tollgate.shutdown()
    }

    /// Runs a tool once, and prints what became of it.
    func run(_ tool: Tool, for user: String, _ number: Int) async {
        let name = "\(user) \(tool.name) \(number)"
        do {
            print("\(name): \(try await call(tool, for: user, name))")
        } catch let error as OverLimit {
            print("\(name): given up, \(error)")
        } catch let error as UncommittedUsage<String> {
            // The answer is there, and belongs to the user. A real service would keep the reservation and the amounts, and
            // commit them later.
            print("\(name): \(error.value), but \(error)")
        } catch {
            print("\(name): failed, \(error)")
        }
    }

    /// Runs a tool as soon as the limits allow it. Waits where that helps, and is not too long.
    private func call(_ tool: Tool, for user: String, _ name: String) async throws -> String {
        for _ in 0..<Self.maxWaits {
            do {
                return try await callNow(tool, for: user)
            } catch let error as OverLimit {
                guard let seconds = error.retryAfter, seconds <= Self.maxWait else { throw error }
                print("\(name): waits \(seconds) s for \(error.decision.limit ?? "a limit")")
                try await Task.sleep(for: .seconds(seconds))
            }
        }
        return try await callNow(tool, for: user)
    }

    /// Keeps the most that the tool may cost back while it runs, and charges what it did cost. If it throws, nothing is.
    private func callNow(_ tool: Tool, for user: String) async throws -> String {
        try await tollgate.guarded(
            .user(user), .tool(tool.name), amounts: Amounts(tokens: tool.maxTokens, cost: tool.maxCost),
            timeToLive: .seconds(30)
        ) { _ in
            let answer = try await tool.run()
            return (answer.text, Amounts(tokens: answer.tokens, cost: answer.cost))
        }
    }
}

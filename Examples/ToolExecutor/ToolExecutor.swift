import TollgateClient

/// An example of a service beside a sidecar: runs the tools of agents within the limits of their users.
///
///     scripts/run                         # in one terminal: a sidecar with the example policy
///     swift run ToolExecutor              # in another; takes an address, such as unix:/run/tollgate/tollgate.sock
@main
struct ToolExecutor {
    /// The maximum wait for a limit in seconds, and the maximum number of waits.
    static let maxWait = 5.0
    static let maxWaits = 3

    let tollgate: TollgateClient

    static func main() async throws {
        let address = try CommandLine.arguments.dropFirst().first.map { try TollgateAddress(parsing: $0) } ?? .local
        // Without a sidecar, the tools continue to work, and their usage is recorded where possible.
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

    /// Runs a tool once, and prints the result.
    func run(_ tool: Tool, for user: String, _ number: Int) async {
        let name = "\(user) \(tool.name) \(number)"
        do {
            print("\(name): \(try await call(tool, for: user, name))")
        } catch let error as OverLimit {
            print("\(name): given up, \(error)")
        } catch let error as UncommittedUsage<String> {
            // The user gets the result anyway. A real service would store the reservation and the amounts, and commit
            // them later.
            print("\(name): \(error.value), but \(error)")
        } catch {
            print("\(name): failed, \(error)")
        }
    }

    /// Runs a tool when the limits allow it. Waits if that helps and does not take too long.
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

    /// Holds the maximum cost of the tool while it runs, and charges the actual cost. If the tool throws, it is charged
    /// nothing.
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

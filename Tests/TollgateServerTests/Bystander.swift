import Foundation
import TollgateTestSupport

/// A client that keeps sending requests while others misbehave. Each reply has to be the usual one, and to come soon.
struct Bystander {
    private let task: Task<Int, any Error>

    init(_ harness: ServerHarness) throws {
        let client = try SocketClient(.tcp(port: harness.port), patience: 5)
        task = Task {
            var rounds = 0
            while !Task.isCancelled {
                let replies = try await client.ask("PING", "CHECK user=bystander")
                guard replies[0] == "PONG", replies[1].hasPrefix("ALLOW"), !replies[1].contains("degraded") else {
                    throw TestFailure("the bystander was affected: \(replies)")
                }
                rounds += 1
                try? await Task.sleep(for: .milliseconds(1))
            }
            return rounds
        }
    }

    /// Stops the client. Returns the number of rounds; throws if a reply was unusual.
    func stop() async throws -> Int {
        task.cancel()
        return try await task.value
    }
}

/// Returns a request as Redis clients send it.
func resp(_ words: String...) -> [UInt8] {
    Array("*\(words.count)\r\n".utf8) + words.flatMap { Array("$\($0.utf8.count)\r\n\($0)\r\n".utf8) }
}

import Foundation
import TollgateTestSupport

/// A client that sends one request at a time and checks every answer. Owned by its task.
struct HonestClient {
    /// The limit of each of its users per minute.
    static let limit = 10
    /// The requests for one user: two more than the limit.
    private static let requestsOfUser = limit + 2

    private let client: SocketClient
    private let name: String
    private var asked = 0
    /// The wrong answers, each a sentence.
    private(set) var complaints: [String] = []
    private(set) var waits: [Duration] = []

    init(_ sidecar: SidecarProcess, name: String = "honest", token: String? = nil) async throws {
        client = try sidecar.client()
        self.name = name
        if let token { _ = try await client.ask("AUTH \(token)") }
    }

    /// Sends requests for at least a time and a number of answers.
    mutating func ask(for time: Duration, atLeast count: Int = 1) async throws {
        let end = ContinuousClock.now + time
        while ContinuousClock.now < end || waits.count < count {
            let user = "\(name)\(asked / Self.requestsOfUser)"
            let number = asked % Self.requestsOfUser
            asked += 1
            let started = ContinuousClock.now
            let reply = try await client.ask("CHECK user=\(user)")[0]
            waits.append(ContinuousClock.now - started)
            let allow = "ALLOW limit=user:\(user)/requests/1m max=\(Self.limit) used=\(number + 1) "
            let deny = "DENY reason=rate_limited limit=user:\(user)/requests/1m max=\(Self.limit) "
            if !reply.hasPrefix(number < Self.limit ? allow : deny) {
                complaints.append("CHECK \(number + 1) of \(user): \(reply)")
            }
            try await Task.sleep(for: .milliseconds(4))
        }
    }

    /// The p99 latency.
    var p99: Duration {
        let sorted = waits.sorted()
        return sorted.isEmpty ? .zero : sorted[(sorted.count * 99 - 1) / 100]
    }
}

import CAllocationCount
import Logging
import NIOCore
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateTestSupport

/// The heap allocations of a CHECK on the decision path, counted on the event loop of a sidecar in this process with
/// clients over TCP.
package struct CheckAllocations {
    /// The maximum for a CHECK of ``pipelined()`` in a release build. It is an average: the requests of a tick or a
    /// batch share its allocations.
    package static let limit = 1.0

    private static let policy = """
        history: [user, tool, provider]
        defaults:
          user: { requests: { 1m: 1000000, 1h: 1000000, 24h: 1000000 } }
          tool: { requests: { 1m: 1000000, 1h: 1000000 } }
          provider: { requests: { 1m: 1000000 } }
        """
    private static let connections = 64
    private static let depth = 16
    private static let users = 100
    private static let rounds = 20

    private let redis: TestRedis
    private let eventLoop: any EventLoop
    private let clients: [SocketClient]

    /// The allocations per CHECK of 64 connections with 16 requests in flight each. Throws `TestFailure` for a reply
    /// other than a plain ALLOW.
    package static func pipelined() async throws -> Double {
        let redis = try TestRedis()
        let server = try await Sidecar(
            settings: settings(for: redis), policy: try Policy(yaml: policy, file: "allocations.yaml"),
            logger: Logger(label: "allocations") { _ in SwiftLogNoOpLogHandler() })
        do {
            let counted = try await CheckAllocations(of: server, on: redis).countPipelined()
            await server.shutdown()
            return counted
        } catch {
            await server.shutdown()
            throw error
        }
    }

    private static func settings(for redis: TestRedis) -> ServerSettings {
        var settings = ServerSettings(redis: redis.address, workers: 1)
        settings.listen = [.tcp(host: "127.0.0.1", port: 0)]
        // Too long for any slow machine to reach.
        settings.deadline = .seconds(60)
        return settings
    }

    /// Starts the server and connects once it has Redis.
    private init(of server: Sidecar, on redis: TestRedis) async throws {
        self.redis = redis
        var port = 0
        for case .tcp(_, let bound) in try await server.start() { port = bound }
        clients = try (0..<Self.connections).map { _ in try SocketClient(.tcp(port: port)) }
        let client = clients[0]
        try await eventually { try await client.ask("STATUS")[0].contains(#""links":["ready"]"#) }
        eventLoop = try Self.onlyEventLoop(of: server)
    }

    /// The event loop of a sidecar with one worker. The server does not expose its loops, so it is found by the name of
    /// the property.
    private static func onlyEventLoop(of server: Sidecar) throws -> any EventLoop {
        guard let group = Mirror(reflecting: server).descendant("group") as? any EventLoopGroup else {
            throw TestFailure("Sidecar has no property `group` with its event loops any more")
        }
        return group.any()
    }

    private func countPipelined() async throws -> Double {
        // Sessions, plans and batches grow at first.
        for _ in 0..<3 { try await ask() }
        let before = try await eventLoop.submit { tollgate_allocation_count() }.get()
        for _ in 0..<Self.rounds { try await ask() }
        let after = try await eventLoop.submit { tollgate_allocation_count() }.get()
        guard after > before else { throw TestFailure("no allocation was counted on the thread that answers") }
        return Double(after - before) / Double(Self.rounds * Self.connections * Self.depth)
    }

    /// Performs one round of requests on each connection.
    private func ask() async throws {
        try await send()
        for client in clients {
            for _ in 0..<Self.depth {
                let reply = try await client.readLine()
                guard reply?.hasPrefix("ALLOW limit=") == true else {
                    throw TestFailure("CHECK was answered \(reply ?? "(closed)")")
                }
            }
        }
    }

    /// Sends the requests while Redis is suspended, so that the batches are as full as those of a busy sidecar.
    private func send() async throws {
        redis.freeze(true)
        defer { redis.freeze(false) }
        for (number, client) in clients.enumerated() {
            let lines = (0..<Self.depth).map { index in
                let user = (number * Self.depth + index) % Self.users
                return "CHECK user=u\(user) tool=t\(user % 20) provider=p\(user % 4)\n"
            }
            try await client.send(lines.joined())
        }
    }
}

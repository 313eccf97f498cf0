import Foundation
import Logging
import TollgateCore
import TollgateRedis
import TollgateTestSupport

@testable import TollgateServer

/// A sidecar in this process on a real Redis, listening on a free port and on a Unix socket.
final class ServerHarness: Sendable {
    let redis: TestRedis
    let server: TollgateServer
    let port: Int
    let socketPath: String
    private let folder: TemporaryFolder

    /// - Parameter waitsForRedis: whether it is ready only when every worker has its connection.
    init(
        policy: String = "", redis: TestRedis? = nil, waitsForRedis: Bool = true,
        adjust: (inout ServerSettings) -> Void = { _ in }
    ) async throws {
        let redis = try redis ?? TestRedis()
        self.redis = redis
        folder = try TemporaryFolder()
        socketPath = folder.path + "/tollgate.sock"
        var settings = ServerSettings(redis: redis.address, workers: 2)
        settings.listen = [.tcp(host: "127.0.0.1", port: 0), .unix(path: socketPath)]
        settings.deadline = .seconds(10)
        adjust(&settings)
        server = try TollgateServer(
            settings: settings, policy: try Policy(yaml: policy, file: "test.yaml"),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        var port = 0
        for case .tcp(_, let bound) in try await server.start() { port = bound }
        self.port = port
        if waitsForRedis { try await waitForRedis() }
    }

    func waitForRedis() async throws {
        try await eventually { await self.server.report().redis.links.allSatisfy { $0 == "ready" } }
    }

    func client() throws -> SocketClient { try SocketClient(.tcp(port: port)) }

    func unixClient() throws -> SocketClient { try SocketClient(.unix(path: socketPath)) }

    /// Asks on a connection of its own.
    func ask(_ lines: String...) async throws -> [String] { try await client().ask(lines) }

    func stop() async {
        await server.shutdown()
    }
}

/// Runs a body with a sidecar that is shut down afterwards, whatever happens.
func withServer(
    policy: String = "", redis: TestRedis? = nil, waitsForRedis: Bool = true,
    adjust: (inout ServerSettings) -> Void = { _ in }, _ body: (ServerHarness) async throws -> Void
) async throws {
    let harness = try await ServerHarness(policy: policy, redis: redis, waitsForRedis: waitsForRedis, adjust: adjust)
    do {
        try await body(harness)
    } catch {
        await harness.stop()
        throw error
    }
    await harness.stop()
}

import Foundation
import Logging
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateServer

/// A sidecar in this process with a real Redis, on a free port and on a Unix socket.
final class ServerHarness: Sendable {
    let redis: TestRedis
    let sidecar: Sidecar
    let port: Int
    let socketPath: String
    private let folder: TemporaryFolder

    /// - Parameter waitsForRedis: Whether to wait until every worker has its connection.
    init(
        policy: String = "", redis: TestRedis? = nil, waitsForRedis: Bool = true, logger: Logger = .none,
        adjust: (inout ServerSettings) -> Void = { _ in }
    ) async throws {
        self.redis = if let redis { redis } else { try await TestRedis.started() }
        folder = try TemporaryFolder()
        socketPath = folder.path + "/tollgate.sock"
        var settings = ServerSettings(redis: self.redis.address, workers: 2)
        settings.listen = [.tcp(host: "127.0.0.1", port: 0), .unix(path: socketPath)]
        // Long enough for slow machines.
        settings.deadline = .seconds(60)
        settings.journalPath = folder.path + "/journal.sqlite"
        // No sweeps: tests publish alerts of limits that the policy does not have.
        settings.alertSweep = .seconds(3_600)
        settings.chargeSweep = .seconds(3_600)
        // No announcements: tests count the calls of Redis.
        settings.peerInterval = .seconds(3_600)
        adjust(&settings)
        sidecar = try await Sidecar(
            settings: settings, policy: try Policy(yaml: policy, file: "test.yaml"),
            logger: logger)
        var port = 0
        for case .tcp(_, let bound) in try await sidecar.start() { port = bound }
        self.port = port
        if waitsForRedis { try await waitForRedis() }
    }

    func waitForRedis() async throws {
        try await eventually {
            let report = await self.sidecar.report()
            let knowsPolicy = report.policy.isSubscribed && report.policy.revision != nil
            // From then on alerts that are opened after ALERTS are pushed.
            let knowsAlerts = report.alerts.cursor != nil
            return knowsPolicy && knowsAlerts && report.redis.links.allSatisfy { $0 == "ready" }
        }
    }

    func client() throws -> SocketClient { try SocketClient(.tcp(port: port)) }

    func unixClient() throws -> SocketClient { try SocketClient(.unix(path: socketPath)) }

    /// Sends lines on a new connection. Returns the replies.
    func ask(_ lines: String...) async throws -> [String] { try await client().ask(lines) }

    /// Returns the scopes that have keys in Redis.
    func scopesLeft() throws -> Set<String> {
        let scopes = try redis.cli("KEYS", "tollgate:*").split(separator: "\n").compactMap { key in
            try? Scope(parsing: key.split(separator: ":").dropFirst().prefix(2).joined(separator: ":"))
        }
        return Set(scopes.map(\.description))
    }

    func stop() async {
        await sidecar.shutdown()
    }
}

/// Runs a body with a sidecar, and shuts that down in any case.
func withServer(
    policy: String = "", redis: TestRedis? = nil, waitsForRedis: Bool = true, logger: Logger = .none,
    adjust: (inout ServerSettings) -> Void = { _ in }, _ body: (ServerHarness) async throws -> Void
) async throws {
    await Turnstile.shared.enter()
    let outcome: Result<Void, any Error>
    do {
        let harness = try await ServerHarness(
            policy: policy, redis: redis, waitsForRedis: waitsForRedis, logger: logger, adjust: adjust)
        do {
            outcome = .success(try await body(harness))
        } catch {
            outcome = .failure(error)
        }
        await harness.stop()
    } catch {
        outcome = .failure(error)
    }
    await Turnstile.shared.leave()
    try outcome.get()
}

extension Logger {
    /// A logger without output.
    static var none: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// Limits the number of tests with a sidecar and a Redis at a time: on a small machine, more of them would be as slow
/// as the faults that they test.
private actor Turnstile {
    static let shared = Turnstile(places: 4)

    private var places: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(places: Int) {
        self.places = places
    }

    func enter() async {
        guard places == 0 else {
            places -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func leave() {
        guard !waiting.isEmpty else {
            places += 1
            return
        }
        waiting.removeFirst().resume()
    }
}

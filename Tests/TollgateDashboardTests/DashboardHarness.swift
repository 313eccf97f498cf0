import Foundation
import Logging
import ServiceLifecycle
import TollgateAdmin
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores
import TollgateTestSupport

@testable import TollgateDashboard

/// A sidecar in this process with a real Redis, and its admin listener with the dashboard on a free port.
final class DashboardHarness: Sendable {
    let redis: TestRedis
    let server: Sidecar
    let address: ListenAddress
    let dashboard: Dashboard
    /// The access of the admin API, which tests can replace.
    let access: ActiveAccess
    let log = CapturedLog()
    /// The path of the policy file.
    let policyFile: String
    private let folder: TemporaryFolder
    private let admin: ServiceGroup
    private let running: Task<Void, any Error>

    static let tokens: [Role: String] = [
        .admin: "token-of-an-admin-1", .viewer: "token-of-a-viewer-2", .caller: "token-of-a-caller-3",
    ]

    /// The ids that try to end an attribute, a tag or a path, or to reverse text.
    static let hostileIDs = [
        "<img src=x onerror=alert(1)>", "\"\u{301} onmouseover='alert(1)'", "'><script>alert(1)</script>",
        "../../v1/policy", "\u{202E}evil", "a&b=c?d#e+f", "{{csrf}}", String(repeating: "ä", count: 100),
        // 256 bytes, the maximum.
        "<b>x" + String(repeating: "ä", count: 126),
    ]

    init(
        policy: String, redis: TestRedis?, receivers: AlertReceivers, access: AccessSettings?, signInLifetime: Duration,
        waits: Bool
    ) async throws {
        self.redis = if let redis { redis } else { try await TestRedis.started() }
        folder = try TemporaryFolder()
        policyFile = folder.path + "/tollgate.yaml"
        try policy.write(toFile: policyFile, atomically: true, encoding: .utf8)
        var settings = ServerSettings(redis: self.redis.address, workers: 1)
        settings.listen = [.unix(path: folder.path + "/tollgate.sock")]
        // Long enough for slow machines.
        settings.deadline = .seconds(30)
        settings.journalPath = folder.path + "/journal.sqlite"
        // Tests publish alerts about limits that the policy does not have.
        settings.alertSweep = .seconds(3_600)
        settings.chargeSweep = .seconds(3_600)
        settings.peerInterval = .seconds(3_600)
        let logger = log.logger
        let server = try await Sidecar(
            settings: settings, policy: try Policy(yaml: policy, file: policyFile), policyFile: policyFile,
            receivers: receivers, logger: logger)
        self.server = server
        _ = try await server.start()
        let access =
            access
            ?? AccessSettings(
                tokens: Self.tokens.map { .init(name: "the \($0.key.rawValue)", role: $0.key, token: $0.value) })
        let (addresses, announce) = AsyncStream.makeStream(of: ListenAddress.self)
        var adminSettings = AdminSettings(address: .tcp(host: "127.0.0.1", port: 0), access: access)
        adminSettings.signInLifetime = signInLifetime
        self.access = adminSettings.access
        var dashboard: Dashboard?
        let service = AdminServer(
            settings: adminSettings, server: server, policyFile: policyFile,
            testReceiver: { receiver in
                ReceiverTest(
                    failure: receiver.name == "broken" ? "connection <refused>" : nil, status: nil,
                    duration: .milliseconds(38))
            },
            logger: logger,
            pages: { admin in
                let pages = Dashboard(admin)
                dashboard = pages
                return pages.browserPages
            }, onListening: { announce.yield($0) })
        guard let dashboard else { throw TestFailure("no pages") }
        self.dashboard = dashboard
        let group = ServiceGroup(services: [service], logger: CapturedLog().logger)
        admin = group
        running = Task {
            defer { announce.finish() }
            try await group.run()
        }
        var first = addresses.makeAsyncIterator()
        guard let address = await first.next() else {
            await server.shutdown()
            throw TestFailure("the admin listener does not listen: \(log.text)")
        }
        self.address = address
        if waits { try await eventually { await server.isReady } }
    }

    func stop() async {
        await admin.triggerGracefulShutdown()
        _ = try? await running.value
        await server.shutdown()
    }

    // MARK: - Browsers

    /// A browser that no user has signed in with.
    func browser() -> TestBrowser { TestBrowser(address) }

    /// Signs in with the token of a role.
    func browser(as role: Role) async throws -> TestBrowser {
        let browser = browser()
        try await browser.signIn(token: Self.tokens[role] ?? "")
        return browser
    }

    /// Creates a session with the token of a role, without a browser.
    func session(of role: Role) async throws -> Session {
        let identity = try await dashboard.pages.admin.signIn(token: Self.tokens[role] ?? "", from: "test")
        return Session.signedIn(identity, at: PageServer.now)
    }

    // MARK: - Data

    /// Sends a request to the API as the administrator, and returns the status and the text.
    @discardableResult
    func api(_ method: String, _ path: String, _ body: String? = nil, ifMatch: String? = nil) async throws -> TestPage {
        try await TestBrowser(address).api(
            method, path, body, token: Self.tokens[.admin] ?? "", headers: ifMatch.map { ["If-Match": $0] } ?? [:])
    }

    /// Publishes three alerts, the newest last: of `user:alice` at 80 and 100 percent of 20 a day, and of another scope
    /// in shadow mode.
    @discardableResult
    func raiseAlerts(of other: String = "user:b/c+tool:d") async throws -> [Alert] {
        let now = await server.redisTime - 150_000
        func alert(_ scope: String, _ meter: Meter, threshold: Int, max: Int64, used: Int64, at: Int64) throws -> Alert
        {
            Alert(
                scope: try Scope(parsing: scope), meter: meter, period: meter == .cost ? .day : .total,
                threshold: threshold, max: max, used: used, mode: meter == .cost ? .enforce : .shadow,
                source: "tier:premium", periodID: meter == .cost ? "2026-11-20" : nil,
                endsAt: meter == .cost ? 4_102_444_800_000 : nil, openedAt: at)
        }
        let alerts = [
            try alert(
                "user:alice", .cost, threshold: 80, max: 20_000_000_000, used: 17_240_000_000, at: now),
            try alert(
                "user:alice", .cost, threshold: 100, max: 20_000_000_000, used: 20_240_000_000, at: now + 1_000),
            try alert(other, .tokens, threshold: 95, max: 1_000, used: 951, at: now + 2_000),
        ]
        for alert in alerts { try await server.stores.alerts.publish(.opened(alert)) }
        return alerts
    }
}

/// Runs a body with a sidecar and its dashboard, which is shut down afterwards.
func withDashboard(
    policy: String = "no_limits: true\n", redis: TestRedis? = nil, receivers: AlertReceivers = AlertReceivers(),
    access: AccessSettings? = nil, signInLifetime: Duration = .seconds(60), waits: Bool = true,
    _ body: (DashboardHarness) async throws -> Void
) async throws {
    let harness = try await DashboardHarness(
        policy: policy, redis: redis, receivers: receivers, access: access, signInLifetime: signInLifetime, waits: waits
    )
    do {
        try await body(harness)
    } catch {
        await harness.stop()
        throw error
    }
    await harness.stop()
}

import Foundation
import Testing
import TollgateAdmin
import TollgateServer
import TollgateTestSupport

/// What administrators do with the dashboard, in a browser.
@Suite(
    "Journeys in a browser", .serialized,
    .enabled(if: Python.hasBrowser, "needs Chromium and a Python with selenium: run scripts/test"))
struct JourneyBrowserTests {
    private static let policy = "timezone: Europe/Berlin\nhistory: [tenant]\n"

    private func run(_ script: String, patience: Int) async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            guard case .tcp(_, let port) = dashboard.address else { throw TestFailure("\(dashboard.address)") }
            let state = try dashboard.redis.cli("INFO", "server")
            let pid = try #require(state.firstMatch(of: /process_id:(\d+)/)).1
            try await Browser.run(
                script,
                [
                    "address": "http://127.0.0.1:\(port)", "token": DashboardHarness.tokens[.admin] ?? "",
                    "redis_pid": String(pid), "redis_socket": dashboard.redis.socketPath,
                ], patience: patience)
        }
    }

    @Test("a tenant from its first limit to DENY, alerts, a conflict and an override, and all of it by keyboard")
    func journey() async throws { try await run("journey", patience: 240) }

    @Test("a limit, a new scope, an alert and an override without JavaScript")
    func plainForms() async throws { try await run("plain_forms", patience: 180) }

    @Test("100 rows do not move while they are refreshed, and Redis may end and come back")
    func steady() async throws { try await run("steady", patience: 300) }
}

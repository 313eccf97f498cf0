import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

/// The built sidecar with a file of receivers.
@Suite("tollgate serve --alerts")
struct ServeAlertsTests {
    private static let stream = "tollgate:{alerts}:deliveries"

    private func alert(_ scope: String, threshold: Int = 100) throws -> Alert {
        Alert(
            scope: try Scope(parsing: scope), meter: .cost, period: .day, threshold: threshold, max: 20_000_000_000,
            used: 20_240_000_000, source: "tier:premium", periodID: "2026-11-20", endsAt: 4_102_444_800_000,
            openedAt: 1_795_198_801_123)
    }

    /// Adds an event to the stream, as the store does.
    private func add(_ alert: Alert, to redis: TestRedis) throws -> String {
        let id = try redis.cli("XADD", Self.stream, "*", "event", "opened", "alert", try CanonicalJSON.text(alert))
        try redis.cli("PUBLISH", "tollgate:{alerts}:news", id)
        return id
    }

    private func sidecar(_ redis: TestRedis, alerts: String?, in folder: TemporaryFolder? = nil) async throws
        -> SidecarProcess
    {
        let file = try folder.map { try $0.write(alerts ?? "", to: "alerts.yaml") }
        let sidecar = try await SidecarProcess(
            policy: "{ currency: EUR, no_limits: true }",
            arguments: ["--redis", "\(redis.address)", "--deadline", "10s"] + (file.map { ["--alerts", $0] } ?? []),
            folder: folder)
        try await eventually {
            try redis.cli("EXISTS", Self.stream) == "1"
                && redis.cli("XINFO", "GROUPS", Self.stream).split(separator: "\n").contains("log")
        }
        return sidecar
    }

    private func deliveries(_ sidecar: SidecarProcess, _ words: String...) async throws -> Command {
        try await Command.run(
            SidecarProcess.program, ["deliveries"] + words, workingFolder: sidecar.folder.path,
            environment: ["TOLLGATE_ADMIN_CONNECT": "unix:\(sidecar.adminSocketPath)"])
    }

    @Test("without a file, alerts are logged in the policy's currency")
    func logAlone() async throws {
        let redis = try TestRedis()
        let sidecar = try await sidecar(redis, alerts: nil)
        let alert = try alert("user:alice")
        _ = try add(alert, to: redis)
        try await eventually {
            sidecar.log.contains(
                "alert opened: user:alice has used 101.2 % of cost/day (20.24 of 20 EUR), resets 2100-01-01 00:00 UTC")
        }
        try await eventually { try redis.cli("XPENDING", Self.stream, "log").hasPrefix("0\n") }
        #expect(
            try await deliveries(sidecar).output == """
                receiver  type  to  only  unread  pending  failing  dead letters  fails since
                log       log   -   -          0        0        0             0  -

                """)
        #expect(try await sidecar.stop() == 0)
    }

    @Test(
        "pending deliveries are listed, and after a kill the next sidecar makes them with the same id"
    )
    func killed() async throws {
        let redis = try TestRedis()
        try await Receiver.with({ _, _ in .status(503) }) { receiver in
            let alerts = """
                receivers:
                  - { name: log, type: log, severities: [critical] }
                  - { name: hook, type: webhook, url: "\(receiver.url)?key=T0KEN", kinds: [user], meters: [cost] }
                """
            let folder = try TemporaryFolder()
            let first = try await sidecar(redis, alerts: alerts, in: folder)
            try await eventually { first.log.contains("others can read") }
            let alert = try alert("user:alice")
            let id = try add(alert, to: redis)
            try await eventually { try redis.cli("HEXISTS", "tollgate:{alerts}:attempts:hook", id) == "1" }
            let shown = try await deliveries(first)
            #expect(shown.errors == "")
            let lines = shown.output.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.contains { $0.hasPrefix("hook      webhook  127.0.0.1:\(receiver.port)  user cost") })
            #expect(
                lines.contains { $0.hasPrefix("hook      \(id)  \(alert.id)  opened") && $0.hasSuffix("status 503") })
            let json = try await deliveries(first, "--json").output
            #expect(lines.contains { $0.hasPrefix("hook      webhook") && $0.hasSuffix("Z") }, "it fails since a time")
            #expect(json.contains(#""outage":{"attempts":"#) && json.contains(#""unread":0"#), "\(json)")
            #expect(json.contains(#""last_error":"status 503""#) && json.contains(#""failing_count":1"#), "\(json)")
            #expect(!(json + shown.output + first.log).contains("T0KEN"))

            first.signal(SIGKILL)
            _ = try await first.end()
            receiver.answer { _, _ in .status(200) }
            let second = try await sidecar(redis, alerts: alerts, in: folder)
            try await eventually(within: .seconds(40)) {
                try redis.cli("XPENDING", Self.stream, "hook").hasPrefix("0\n")
            }
            #expect(Set(receiver.deliveries) == [id])
            #expect(Set(receiver.requests.map(\.alert)) == [alert.id])
            #expect(receiver.requests[0].headers["user-agent"]?.hasPrefix("tollgate/") == true)
            #expect(try await second.stop() == 0)
        }
    }

    @Test("the file is read again on a change and on SIGHUP; receivers are tested and retried by command")
    func operated() async throws {
        let redis = try TestRedis()
        try await Receiver.with({ _, _ in .status(503) }) { receiver in
            let log = "  - { name: log, type: log }\n"
            let hook = "  - { name: hook, type: webhook, url: \"\(receiver.url)?key=T0KEN\" }\n"
            let folder = try TemporaryFolder()
            let sidecar = try await sidecar(redis, alerts: "receivers:\n" + log, in: folder)
            let unknown = try await deliveries(sidecar, "test", "hook")
            #expect(unknown.status == 2)
            #expect(unknown.errors == "hook: no such receiver; expected log\n")
            try folder.write("receivers:\n" + log + hook, to: "alerts.yaml")
            try await eventually(within: .seconds(30)) { sidecar.log.contains("alert receivers reloaded: added hook") }

            let failed = try await deliveries(sidecar, "test", "hook")
            #expect(failed.status == 2)
            #expect(failed.output.hasPrefix("hook: not delivered in "), "\(failed)")
            #expect(failed.output.hasSuffix(" ms: status 503\n"))
            receiver.answer { _, _ in .status(204) }
            let passed = try await deliveries(sidecar, "test", "hook")
            #expect(passed.status == 0 && passed.output.hasPrefix("hook: delivered in "), "\(passed)")
            #expect(passed.output.hasSuffix(" ms, status 204\n"))
            #expect(receiver.requests.allSatisfy { $0.object?["test"] as? Bool == true })
            #expect(try await deliveries(sidecar, "test", "hook", "--json").output.contains(#""delivered":true"#))

            try await eventually {
                try redis.cli("XINFO", "GROUPS", Self.stream).split(separator: "\n").contains("hook")
            }
            let one = try await deliveries(sidecar, "retry", "hook")
            #expect(one.output == "hook: retried 0 failed, requeued 0 dead-lettered\n", "\(one)")
            let all = try await deliveries(sidecar, "retry", "--json")
            #expect(all.output.hasPrefix(#"{"items":[{"receiver":"log","#), "\(all)")
            let audit = try await Command.run(
                SidecarProcess.program, ["audit", "--json"], workingFolder: sidecar.folder.path,
                environment: ["TOLLGATE_ADMIN_CONNECT": "unix:\(sidecar.adminSocketPath)"])
            #expect(audit.output.contains(#""action":"delivery.test""#), "\(audit)")
            // A message is sent, and nothing is changed.
            #expect(!sidecar.log.split(separator: "\n").contains { $0.contains("change made") && $0.contains("/test") })
            #expect(audit.output.contains(#""action":"delivery.retry""#))

            try folder.write("receivers: 7\n", to: "alerts.yaml")
            try await eventually(within: .seconds(30)) {
                sidecar.log.contains("alert receivers could not be reloaded; keeping the active ones: ")
            }
            #expect(try await deliveries(sidecar).output.contains("hook      webhook"))
            try folder.write("receivers:\n" + hook, to: "alerts.yaml")
            try await eventually(within: .seconds(30)) { sidecar.log.contains("reloaded: removed log") }
            sidecar.signal(SIGHUP)
            try await eventually(within: .seconds(30)) { sidecar.log.contains("reloaded: no change") }
            #expect(!sidecar.log.contains("T0KEN"))
            #expect(try await sidecar.stop() == 0)
        }
    }
}

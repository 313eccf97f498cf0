import Foundation
import Testing
import TollgateTestSupport

@testable import tollgate

/// The administrators' commands as processes, with a real sidecar.
@Suite struct AdminCommandTests {
    private let process: SidecarProcess
    private let redis: TestRedis

    init() async throws {
        redis = try TestRedis()
        process = try await SidecarProcess(
            policy: """
                defaults:
                  user: { requests: { 1m: 60 } }
                tiers:
                  basic: { limits: { cost: { month: 100 } } }
                """, arguments: ["--redis", "\(redis.address)", "--deadline", "10s"])
    }

    private func tollgate(_ words: String..., environment: [String: String] = [:]) async throws -> Command {
        try await Command.run(
            SidecarProcess.program, words, workingFolder: process.folder.path,
            environment: ["TOLLGATE_ADMIN_CONNECT": "unix:\(process.adminSocketPath)"].merging(environment) { $1 })
    }

    @Test("resources are replaced and deleted at any version, and a missing one cannot be deleted")
    func replacing() async throws {
        #expect(
            try await tollgate("tier", "set", "gold", "--limit", "cost/day=1").output
                == "gold: cost/day=1 (version 1)\n")
        let second = try await tollgate(
            "tier", "set", "gold", "--limit", "requests/1m=unlimited", "--reset-hour", "6", "--replace")
        #expect(second.output == "gold: requests/1m=unlimited (version 2)\n")
        #expect(
            try await tollgate("tier", "list").output == """
                tier   name  limits                 calendar  origin  version
                basic  -     cost/month=100         -         file    -
                gold   -     requests/1m=unlimited  6:00      admin   2

                """)
        #expect(
            try await tollgate("assign", "user:a/b {c}", "gold", "--priority", "-5", "--disabled").output
                == "user:a/b {c}: gold, priority -5, not enabled (version 3)\n")
        let inUse = try await tollgate("tier", "delete", "gold")
        #expect(inUse.status == 2)
        #expect(inUse.errors.contains("assigned"), "\(inUse.errors)")
        #expect(inUse.errors.contains("to 1 user, role or domain"))
        #expect(try await tollgate("unassign", "user:a/b {c}", "--json").output == "{\"status\":\"ok\"}\n")
        #expect(try await tollgate("tier", "delete", "gold").output == "gold: deleted\n")
        let missing = try await tollgate("tier", "delete", "gold")
        #expect(missing.status == 2)
        #expect(missing.output == "")
        #expect(missing.errors == "gold: no such tier\n")
    }

    @Test("limits are changed and deleted individually")
    func limits() async throws {
        let set = try await tollgate("limit", "set", "user:a+tool:b/c", "requests/1m=10", "cost/request=0.5")
        #expect(
            set.output == """
                limit         max  mode     source  origin
                requests/1m    10  enforce  scope   admin
                cost/request  0.5  enforce  scope   admin

                """, "\(set.errors)")
        let changed = try await tollgate(
            "limit", "set", "tool:b/c+user:a", "requests/60s=20", "tokens/1h=null", "--json")
        #expect(changed.output.contains(#""cost":{"request":"0.5"}"#), "\(changed.output)")
        #expect(changed.output.contains(#""requests":{"1m":20}"#))
        #expect(changed.output.contains(#""tokens":{"1h":null}"#))
        #expect(changed.output.last == "\n")
        #expect(changed.output.dropLast().last == "}")
        #expect(
            try await tollgate("limit", "delete", "user:a+tool:b/c", "requests/1m").output
                == "user:a+tool:b/c: deleted requests/1m\n")
        let twice = try await tollgate("limit", "delete", "user:a+tool:b/c", "requests/1m")
        #expect(twice.errors == "user:a+tool:b/c: no administrator has set requests/1m\n")
        #expect(twice.status == 2)
        #expect(
            try await tollgate("limit", "delete", "user:a+tool:b/c").output == "user:a+tool:b/c: deleted all limits\n")
        #expect(try await tollgate("limit", "list", "user:a+tool:b/c").output == "user:a+tool:b/c: no limits\n")
    }

    @Test("assignments, limits and overrides of all scopes are listed, as JSON too")
    func lists() async throws {
        #expect(try await tollgate("assignments").output == "no assignments\n")
        #expect(try await tollgate("limit", "list").output == "no limits set by administrators\n")
        #expect(try await tollgate("overrides").output == "no overrides\n")
        _ = try await tollgate("assign", "role:Staff", "basic", "--disabled")
        _ = try await tollgate("assign", "user:alice", "basic")
        _ = try await tollgate("limit", "set", "tool:search", "requests/1m=10", "cost/day=2.5")
        _ = try await tollgate("limit", "set", "global", "requests/1m=100")
        let end = Date.now.addingTimeInterval(3_600).ISO8601Format()
        _ = try await tollgate(
            "override", "set", "user:alice", "--add", "cost/month=50", "--until", end, "--reason", "report due")
        #expect(
            try await tollgate("assignments").output == """
                subject     tier   priority  enabled  origin
                role:Staff  basic       200  no       admin
                user:alice  basic       300  yes      admin

                """)
        #expect(
            try await tollgate("limit", "list").output == """
                scope        limits                       version
                global       requests/1m=100                    4
                tool:search  cost/day=2.5 requests/1m=10        3

                """)
        #expect(try await tollgate("limit", "list", "--limit", "1").output.hasSuffix("\nand more: see --limit\n"))
        let overrides = """
            scope       override       until                 reason
            user:alice  cost/month+50  \(end)  report due

            """
        #expect(try await tollgate("overrides").output == overrides)
        #expect(try await tollgate("overrides", "user:alice").output == overrides)
        #expect(try await tollgate("overrides", "user:bob").output == "no overrides\n")
        #expect(try await process.client().ask("CHECK tool=search")[0].hasPrefix("ALLOW"))
        try await eventually { try await tollgate("usage", "--kind", "tool").output.contains("tool:search") }
        for words in [["assignments"], ["limit", "list"], ["overrides"], ["audit"], ["usage", "--kind", "tool"]] {
            let command = try await Command.run(
                SidecarProcess.program, words + ["--json"], workingFolder: process.folder.path,
                environment: ["TOLLGATE_ADMIN_CONNECT": "unix:\(process.adminSocketPath)"])
            #expect(command.output.hasPrefix(#"{"items":[{"#), "\(words): \(command)")
        }
    }

    @Test("usage lists the scopes of a kind, or shows one scope's limits")
    func usage() async throws {
        _ = try await process.client().ask("CHECK user=bob requests=48")
        var list = try await tollgate("usage", "--kind", "user")
        try await eventually {
            list = try await tollgate("usage", "--kind", "user")
            return list.output.contains("user:bob")
        }
        #expect(list.output.contains(#/user:bob +48 +0 +0 +requests/1m +80 /#), "\(list.output)")
        let both = try await tollgate("usage", "user:bob", "--kind", "user")
        #expect(both.status == 64)
        #expect(both.errors.contains("Expected a scope or --kind"), "\(both.errors)")
    }

    @Test("overrides and resets are applied and audited")
    func overridesAndResets() async throws {
        _ = try await process.client().ask("CHECK user=bob requests=5")
        let granted = try await tollgate(
            "override", "set", "user:bob", "--add", "requests/1m=5", "--for", "1h", "--reason", "a \"b\"")
        #expect(granted.output.hasPrefix("user:bob: requests/1m+5 until 20"), "\(granted.output)\(granted.errors)")
        let longer = try await tollgate(
            "override", "set", "user:bob", "--limit", "requests/1m=90", "--until", "2020-01-01T00:00:00Z", "--reason",
            "r")
        #expect(longer.status == 2)
        #expect(longer.errors.contains("expires_at"), "\(longer.errors)")
        let replaced = try await tollgate(
            "override", "set", "user:bob", "--limit", "requests/1m=90", "--for", "1d", "--reason", "r")
        #expect(replaced.status == 0)
        for subject in ["user:bob", "user=bob"] {
            let same = try await tollgate("who", subject)
            #expect(same.output.contains("user      bob\n") && same.output.contains("requests/1m"), "\(same.output)")
        }
        let tenant = try await tollgate("who", "tenant:acme")
        #expect(tenant.output.hasPrefix("tiers are of users, and tenant:acme is not a user\n\ntenant:acme"))
        let typo = try await tollgate("who", "tenan:acme")
        #expect(typo.status == 2)
        #expect(typo.errors.contains("tenan: unknown kind; did you mean tenant?"), "\(typo.errors)")
        let who = try await tollgate("who", "bob", "--email", "bob@example.com", "--role", "A", "--role", "B")
        #expect(who.output.contains("\nrequests/1m     5     0   90"), "\(who.output)")
        #expect(try await tollgate("override", "clear", "user:bob").output == "user:bob: override ended\n")
        let none = try await tollgate("override", "clear", "user:bob")
        #expect(none.output == "user:bob: had no override\n", "\(none.errors)")
        #expect(none.status == 0)
        #expect(try await tollgate("reset", "user:bob", "requests/60s").output == "user:bob: reset requests/1m\n")
        #expect(try await process.client().ask("PEEK user=bob")[0].contains("used=0"))
        let absent = try await tollgate("reset", "user:bob", "requests/1h")
        #expect(absent.status == 2)
        #expect(
            absent.errors
                == "limits[0]: user:bob has no limit requests/1h; its limits are requests/1m\n", "\(absent.errors)")
        let audit = try await tollgate("audit", "--limit", "2")
        let lines = audit.output.split(separator: "\n")
        #expect(lines.count == 4)
        #expect(
            lines.dropFirst().first?.hasSuffix(" admin reset user:bob: requests/1m (was 5)") == true, "\(audit.output)")
        #expect(lines.dropFirst(2).first?.contains(" admin ended the override of user:bob (was ") == true)
        #expect(lines.last == "and more: see --limit")
        #expect(try await !tollgate("audit").output.contains("more"))
    }

    @Test("invalid fields are listed, with exit status 2")
    func errors() async throws {
        let tier = try await tollgate("assign", "role:R", "platinum")
        #expect(tier.status == 2)
        #expect(tier.output == "")
        #expect(tier.errors.contains("tier: "), "\(tier.errors)")
        let zone = try await tollgate("tier", "set", "gold", "--timezone", "Mars/Base", "--reset-hour", "24")
        #expect(zone.errors.contains("timezone: unknown time zone Mars/Base"), "\(zone.errors)")
        #expect(zone.errors.contains("reset_hour: expected a whole number from 0 to 23, found 24"))
        #expect(zone.status == 2)
    }

    @Test(
        "invalid arguments exit with 64 before any request",
        arguments: [
            ["who", ""], ["who", "a\u{7}"], ["limit", "list", ""], ["limit", "list", "nonsense"],
            ["limit", "set", "", "requests/1m=1"],
            ["limit", "delete", "user:"], ["override", "clear", ""], ["reset", ""], ["tier", "delete", ""],
            ["tier", "set", "a/b"],
            ["assign", "", "basic"], ["unassign", ""], ["alert", "show", ""], ["alert", "show", "A/b"],
            ["alert", "resolve", ""],
            ["alert", "acknowledge", ""], ["who", "bob", "--role", "A,B"], ["audit", "--limit", "0"],
            ["tier", "set", "a", "--limit", "requests/1m=1", "--limit", "requests/60s=2"],
            ["limit", "set", "tool:x", "cost/day=1", "--shadow", "--enforce"],
            ["limit", "set", "tool:x", "cost/day=1", "--thresholds", "95,80"],
            ["limit", "set", "tool:x", "concurrent=1", "--thresholds", "80"],
        ])
    func refused(words: [String]) async throws {
        let result = try await Command.run(
            SidecarProcess.program, words, workingFolder: process.folder.path,
            environment: ["TOLLGATE_ADMIN_CONNECT": "unix:/no/such.sock", "TOLLGATE_ADMIN_TOKEN": "0123456789abcdef"])
        #expect(result.status == 64, "\(result.errors)")
        #expect(result.errors.hasPrefix("Error: "), "\(result.errors)")
    }

    @Test("a token of another sidecar's data folder is named, and so is the address")
    func anotherSidecarsToken() async throws {
        let other = try TemporaryFolder()
        try other.write("0123456789abcdef0123456789abcdef", to: "admin-token")
        let refused = try await tollgate("tier", "list", environment: ["TOLLGATE_DATA": other.path])
        #expect(refused.status == 2)
        #expect(
            refused.errors.contains("The token is from the file \(other.path)/admin-token, and the sidecar at http"),
            "\(refused.errors)")
        #expect(refused.errors.contains("with --admin-token-file"))
    }

    @Test("the address of the line port, or of something else that does not speak HTTP, is an error that says so")
    func wrongPort() async throws {
        for address in ["unix:\(process.socketPath)", "unix:\(redis.socketPath)"] {
            let refused = try await tollgate("tier", "list", "--admin", address)
            #expect(refused.status == 2)
            #expect(refused.errors.contains("Is this the line port? The admin API has its own, 7380 by default"))
            #expect(refused.errors.split(separator: "\n").count == 1, "\(refused.errors)")
        }
    }

    @Test("limit set takes a mode and thresholds")
    func shadowLimit() async throws {
        let set = try await tollgate("limit", "set", "tool:x", "cost/day=20", "--shadow", "--thresholds", "80,95")
        #expect(set.output.contains("shadow"), "\(set.errors)")
        let more = try await tollgate("limit", "set", "tool:x", "cost/month=50", "--thresholds", "none", "--json")
        #expect(more.output.contains(#""day":{"max":"20","mode":"shadow","thresholds":[80,95]}"#), "\(more.output)")
        #expect(more.output.contains(#""month":{"max":"50","mode":"enforce","thresholds":[]}"#), "\(more.output)")
        let back = try await tollgate("limit", "set", "tool:x", "cost/day=20", "--enforce", "--json")
        #expect(back.output.contains(#""day":{"max":"20","mode":"enforce","thresholds":[80,95]}"#), "\(back.output)")
        _ = try await tollgate("limit", "set", "tool:x", "cost/month=50", "--shadow")
        #expect(
            try await tollgate("limit", "list").output == """
                scope   limits                                                               version
                tool:x  cost/day=20(thresholds=[80,95]) cost/month=50(shadow thresholds=[])        4

                """)
    }

    @Test("an error about --until names the option")
    func until() async throws {
        let command = try await tollgate(
            "override", "set", "user:a", "--add", "cost/month=5", "--until", "tomorrow", "--reason", "r")
        #expect(
            command.errors.contains("--until tomorrow: expected a time such as 2026-11-22T10:00:00Z."),
            "\(command.errors)")
        #expect(command.status == 64)
    }

    @Test("a timeout is reported as a sentence")
    func noAnswer() async throws {
        process.signal(SIGSTOP)
        let address = try AdminAddress(parsing: "unix:\(process.adminSocketPath)")
        let client = AdminClient(
            address, token: AdminClientToken(text: "0123456789abcdef", source: "TOLLGATE_ADMIN_TOKEN"),
            patience: .seconds(2))
        await #expect(throws: AdminFailure(["\(address.base): request failed: no response within 2 seconds"])) {
            try await client.send(AdminRequest(.get, "v1", "tiers"))
        }
        await client.shutdown()
        process.signal(SIGCONT)
    }

    @Test("a wrong or missing token and a failed connection are errors that show no token")
    func access() async throws {
        let wrong = try await tollgate("tier", "list", environment: ["TOLLGATE_ADMIN_TOKEN": "a-wrong-token-of-mine"])
        #expect(wrong.status == 2)
        #expect(!wrong.errors.isEmpty && !wrong.errors.contains("a-wrong-token-of-mine"), "\(wrong.errors)")
        #expect(wrong.errors.contains("The token is from TOLLGATE_ADMIN_TOKEN, and the sidecar at http"))
        let elsewhere = try TemporaryFolder()
        let none = try await Command.run(
            SidecarProcess.program, ["tier", "list", "--admin", "unix:\(process.adminSocketPath)"],
            workingFolder: elsewhere.path)
        #expect(none.errors.hasPrefix("no token: "), "\(none.errors)")
        #expect(none.status == 2)
        let nobody = try await tollgate("tier", "list", "--admin", "unix:/no/such.sock")
        #expect(nobody.errors.contains("request failed: No such file or directory"), "\(nobody.errors)")
        #expect(nobody.status == 2)
    }

    @Test("a sidecar that does not run is reported at once, with a hint", arguments: ["127.0.0.1", "localhost"])
    func notRunning(host: String) async throws {
        let port = try PortHolder()
        defer { port.release() }
        let start = ContinuousClock.now
        let command = try await tollgate("tier", "list", "--admin", "\(host):\(port.number)")
        // Less than the timeout for connecting, during which the client would connect again.
        #expect(ContinuousClock.now - start < .seconds(9))
        #expect(
            command.errors == """
                http://\(host):\(port.number): request failed: Connection refused. Is the sidecar running? \
                See tollgate serve and its --admin

                """)
        #expect(command.status == 2)
    }

    @Test("https to an admin API is an error that names the right scheme")
    func wrongScheme() async throws {
        let http = try await WebhookReceiver()
        let address = http.url.trimmingPrefix("http://").dropLast()
        let command = try await tollgate("tier", "list", "--admin", "https://\(address)")
        #expect(command.errors == "https://\(address): speaks plain HTTP; write http://\(address)\n")
        #expect(command.status == 2)
    }
}

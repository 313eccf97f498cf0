import Foundation
import Testing
import TollgatePolicy
import TollgateTestSupport

@testable import tollgate

/// `tollgate policy export`, `apply` and `example` as processes, with a real sidecar.
@Suite struct PolicyCarryTests {
    private let process: SidecarProcess
    private let redis: TestRedis

    init() async throws {
        redis = try TestRedis()
        process = try await Self.sidecar(redis)
    }

    private static func sidecar(_ redis: TestRedis) async throws -> SidecarProcess {
        try await SidecarProcess(
            policy: """
                currency: EUR
                defaults:
                  user: { requests: { 1m: 60 } }
                scopes:
                  tool:search: { requests: { 1m: 10, 1h: 100 } }
                tiers:
                  basic: { limits: { cost: { month: 100 } } }
                assignments:
                  - { default: true, tier: basic }
                """, arguments: ["--redis", "\(redis.address)", "--deadline", "10s"])
    }

    private func tollgate(_ words: String..., at other: SidecarProcess? = nil) async throws -> Command {
        let sidecar = other ?? process
        return try await Command.run(
            SidecarProcess.program, words, workingFolder: sidecar.folder.path,
            environment: ["TOLLGATE_ADMIN_CONNECT": "unix:\(sidecar.adminSocketPath)"])
    }

    /// Sets something of each kind.
    private func administer() async throws {
        for words in [
            ["tier", "set", "premium", "--description", "a: \"b\"", "--limit", "cost/day=5.5"],
            ["assign", "role:Faculty", "premium"], ["assign", "user:a b", "basic", "--priority", "-5", "--disabled"],
            ["limit", "set", "tool:search", "requests/1m=5", "--shadow", "--thresholds", "80,95"],
            ["limit", "set", "tool:x+user:é", "cost/request=0.5"],
            [
                "account", "set", "main", "--provider", "openai", "--credential-file", "/nonexistent/a key",
                "--project-id",
                "p_1", "--sync", "5m", "--limit", "cost/month=7.5",
            ],
            ["override", "set", "user:bob", "--add", "cost/month=5", "--for", "1d", "--reason", "due"],
        ] {
            let result = try await Command.run(
                SidecarProcess.program, words, workingFolder: process.folder.path,
                environment: ["TOLLGATE_ADMIN_CONNECT": "unix:\(process.adminSocketPath)"])
            #expect(result.status == 0, "\(words): \(result.errors)")
        }
    }

    @Test("an export is a valid policy file, and applying it changes nothing", arguments: [[], ["--all"]])
    func exportAndApply(options: [String]) async throws {
        try await administer()
        let export = try await Command.run(
            SidecarProcess.program, ["policy", "export"] + options, workingFolder: process.folder.path,
            environment: ["TOLLGATE_ADMIN_CONNECT": "unix:\(process.adminSocketPath)"])
        #expect(export.status == 0, "\(export.errors)")
        #expect(export.output.contains(#"#   user:bob: {"add":{"cost/month":"5"},"#), "\(export.output)")
        try process.folder.write(export.output, to: "export.yaml")
        let check = try await tollgate("policy", "check", "export.yaml")
        #expect(check.status == 0, "\(check.errors)\(export.output)")
        let apply = try await tollgate("policy", "apply", "export.yaml")
        #expect(apply.output == "nothing to change\n", "\(apply.errors)")
        #expect(apply.status == 0)
        let json = try await tollgate("policy", "export", "--json")
        #expect(json.output.hasPrefix(#"{"notes":["#) && json.output.contains(#""policy":{"#), "\(json.output)")
    }

    @Test("an export is carried to another sidecar: dry run, refusal without --yes, and application")
    func carry() async throws {
        try await administer()
        let export = try await tollgate("policy", "export")
        let otherRedis = try TestRedis()
        let other = try await Self.sidecar(otherRedis)
        try other.folder.write(export.output, to: "export.yaml")
        let plan = """
            tier premium added: cost/day=5.5, description a: "b"
            role:Faculty added: premium, priority 200
            user:a b added: basic, priority -5, not enabled
            account main added: cost/month=7.5, billing_day 1, credential_file /nonexistent/a key, project_ids ["p_1"], provider openai, sync 300s
            tool:search added: requests/1m=5(mode=shadow thresholds=[80,95])
            user:é+tool:x added: cost/request=0.5

            """
        let dry = try await tollgate("policy", "apply", "export.yaml", "--dry-run", at: other)
        #expect(dry.output == plan + "nothing was changed\n", "\(dry.errors)")
        #expect(dry.status == 0)
        let asked = try await tollgate("policy", "apply", "export.yaml", at: other)
        #expect(asked.status == 2)
        #expect(asked.errors.contains("nothing was changed: standard input is not a terminal"), "\(asked.errors)")
        let applied = try await tollgate("policy", "apply", "export.yaml", "--yes", at: other)
        #expect(applied.output == plan + "applied 6 changes\n", "\(applied.errors)")
        let again = try await tollgate("policy", "export", at: other)
        #expect(
            again.output == export.output.split(separator: "\n").filter {
                !$0.contains("verride") && !$0.contains("user:bob")
            }
            .joined(separator: "\n") + "\n")
        withExtendedLifetime(otherRedis) {}
    }

    @Test("at a terminal it asks, and changes something only after yes", arguments: [("n", 1), ("y", 0)])
    func asks(answer: String, status: Int32) async throws {
        try process.folder.write("tiers: { gold: { limits: { cost: { day: 1 } } } }", to: "p.yaml")
        let result = try await Command.run(
            "script",
            [
                "-qec", "'\(SidecarProcess.program)' policy apply p.yaml --admin 'unix:\(process.adminSocketPath)'",
                "/dev/null",
            ],
            input: answer + "\n", workingFolder: process.folder.path)
        #expect(result.output.contains("Apply this change? [y/N]"), "\(result.output)\(result.errors)")
        #expect(result.status == status)
        #expect(try await tollgate("tier", "list").output.contains("gold") == (answer == "y"))
    }

    @Test("a setting that the API cannot change is an error, and nothing is changed")
    func differences() async throws {
        try process.folder.write("currency: USD\nscopes: { global: { cost: { day: 1 } } }", to: "p.yaml")
        let result = try await tollgate("policy", "apply", "p.yaml", "--yes")
        #expect(result.status == 2)
        #expect(result.errors.hasPrefix("currency: USD in the file, EUR in force\n"), "\(result.errors)")
        #expect(try await tollgate("limit", "list", "global").output == "global: no limits\n")
    }

    @Test("a concurrent change is an error that says what has been applied, and is not overwritten")
    func concurrentChange() async throws {
        try await administer()
        let token = try String(contentsOfFile: process.folder.path + "/tollgate-data/admin-token", encoding: .utf8)
        let client = AdminClient(
            try AdminAddress(parsing: "unix:\(process.adminSocketPath)"),
            token: AdminClientToken(text: token.trimmingCharacters(in: .whitespacesAndNewlines), source: "the file"),
            patience: .seconds(30))
        var lines: [String] = []
        do {
            let now = try await SettingsInForce(client)
            let wanted = try Policy(yaml: "tiers: { a: { limits: {} }, premium: { limits: {} } }", file: "p.yaml")
            let plan = try PolicyPlan(wanted, keys: ["tiers"], now: now)
            let changed = try await tollgate("tier", "set", "premium", "--limit", "cost/day=9")
            #expect(changed.status == 0, "\(changed.errors)")
            try await PolicyApply.apply(plan.changes, client)
        } catch {
            lines = (error as? AdminFailure)?.lines ?? ["\(error)"]
        }
        await client.shutdown()
        #expect(lines.first?.hasPrefix("tier premium: the current version is ") == true, "\(lines)")
        #expect(lines.last == "applied 1 of 7 changes; run the command again for the rest")
        let tiers = try await tollgate("tier", "list").output
        #expect(tiers.contains("cost/day=9") && tiers.contains("\na "), "\(tiers)")
    }
}

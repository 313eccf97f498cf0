import Testing
import TollgateTestSupport

/// The commands that change settings, as processes with a real sidecar: what they keep, and what they warn of.
@Suite struct SettingCommandTests {
    private let process: SidecarProcess
    private let redis: TestRedis

    init() async throws {
        redis = try TestRedis()
        process = try await SidecarProcess(
            policy: "tiers: { basic: { limits: { cost: { month: 100 } } } }",
            arguments: ["--redis", "\(redis.address)", "--deadline", "10s"])
    }

    private func tollgate(_ words: String...) async throws -> Command {
        try await Command.run(
            SidecarProcess.program, words, workingFolder: process.folder.path,
            environment: ["TOLLGATE_ADMIN_CONNECT": "unix:\(process.adminSocketPath)"])
    }

    @Test("tier set keeps what is not given, also of a tier of the policy file, unless told to remove it")
    func partsOfATier() async throws {
        let file = try await tollgate("tier", "set", "basic", "--disable", "--name", "Basic")
        #expect(file.output == "basic (disabled): cost/month=100 (version 1)\n", "\(file.errors)")
        _ = try await tollgate(
            "tier", "set", "gold", "--description", "d", "--timezone", "Europe/Berlin", "--reset-hour", "6",
            "--billing-day", "5", "--limit", "cost/day=1.5", "--limit", "requests/1m=3")
        let all = try await tollgate("tier", "set", "gold", "--disable", "--limit", "requests/1m=4", "--json")
        for part in [
            #""description":"d""#, #""enabled":false"#, #""timezone":"Europe/Berlin""#, #""reset_hour":6"#,
            #""billing_day":5"#, #"{"cost":{"day":"1.5"},"requests":{"1m":4}}"#,
        ] { #expect(all.output.contains(part), "\(all.output) \(all.errors)") }
        let none = try await tollgate("tier", "set", "gold", "--no-limits", "--limit", "tokens/1h=7", "--json")
        #expect(none.output.contains(#""limits":{"tokens":{"1h":7}}"#), "\(none.output)")
        #expect(none.output.contains(#""timezone":"Europe/Berlin""#) && none.output.contains(#""enabled":false"#))
        let new = try await tollgate("tier", "set", "gold", "--replace", "--json")
        #expect(new.output.contains(#""enabled":true"#) && new.output.contains(#""limits":{}"#), "\(new.output)")
        #expect(!new.output.contains("Berlin") && !new.output.contains("description"))
    }

    @Test("a shadow limit in place of an enforced one, and an id that begins with its kind, are warnings")
    func warnings() async throws {
        _ = try await tollgate("assign", "default", "basic")
        let set = try await tollgate("limit", "set", "user:trap", "cost/month=2", "--shadow")
        #expect(set.status == 0)
        #expect(
            set.errors == "warning: cost/month: replaces the enforced 100 of tier:basic, so nothing is denied\n")
        #expect(try await tollgate("limit", "set", "user:trap", "cost/month=2", "--enforce").errors == "")
        let override = try await tollgate(
            "override", "set", "user:trap", "--limit", "cost/month=3", "--for", "1h", "--reason", "x")
        #expect(override.errors == "")
        let assigned = try await tollgate("assign", "user:user:typo", "basic")
        #expect(assigned.errors == "warning: user:user:typo: is the id user:typo; did you mean typo?\n")
        #expect(assigned.status == 0)
        #expect(try await tollgate("assign", "user:typo", "basic").errors == "")
    }

    @Test("a tier has a description, and a disabled one is skipped and shown")
    func disabledTier() async throws {
        let set = try await tollgate(
            "tier", "set", "gold", "--description", "For sponsors", "--disable", "--limit", "cost/day=1")
        #expect(set.output == "gold (disabled): cost/day=1 (version 1)\n", "\(set.errors)")
        _ = try await tollgate("assign", "user:bob", "gold")
        _ = try await tollgate("assign", "default", "basic")
        let who = try await tollgate("who", "bob")
        #expect(who.output.contains("tier      basic via default, priority 100\n"), "\(who.output)")
        #expect(who.output.contains("skipped   gold via user:bob: the tier is disabled\n"), "\(who.output)")
        #expect(try await tollgate("tier", "list").output.contains("\ngold: For sponsors\n"))
        let still = try await tollgate("tier", "set", "gold", "--limit", "cost/day=2")
        #expect(still.output == "gold (disabled): cost/day=2 (version 4)\n", "\(still.errors)")
        #expect(try await tollgate("tier", "set", "gold", "--enable").output == "gold: cost/day=2 (version 5)\n")
        let enabled = try await tollgate("who", "bob")
        #expect(enabled.output.contains("tier      gold via user:bob, priority 300\n"), "\(enabled.output)")
        #expect(!enabled.output.contains("skipped"))
    }

    @Test("account set keeps what is not given, account unset deletes, and the account is read")
    func account() async throws {
        let none = try await tollgate("account", "set", "main", "--billing-day", "5")
        #expect(none.status == 2 && none.errors == "there is no account main; to create it, name its --provider\n")
        let made = try await tollgate(
            "account", "set", "main", "--provider", "anthropic", "--credential-file", "/nonexistent/key",
            "--workspace-id",
            "w1", "--workspace-id", "w2", "--limit", "cost/month=1.5")
        #expect(
            made.output
                == "main: cost/month=1.5, billing_day 1, credential_file /nonexistent/key, provider anthropic, sync 60s, "
                + #"workspace_ids ["w1","w2"] (version 1)"# + "\n", "\(made.errors)")
        let changed = try await tollgate(
            "account", "set", "main", "--billing-day", "31", "--sync", "5m", "--limit", "tokens/month=9", "--json")
        for part in [
            #""billing_day":31"#, #""sync":"300s""#, #""workspace_ids":["w1","w2"]"#, #""version":2"#,
            #""limits":{"cost":{"month":"1.5"},"tokens":{"month":9}}"#, #""credential_file":"/nonexistent/key""#,
        ] { #expect(changed.output.contains(part), "\(changed.output)\(changed.errors)") }
        // The sidecar reads the accounts of administrators too, and says why it cannot read this one.
        try await eventually {
            let shown = try await tollgate("account", "show", "main").output
            return shown.contains("set by an administrator (version 2)")
                && shown.contains("unusable settings: credential_file /nonexistent/key: does not exist")
        }
        let other = try await tollgate(
            "account", "set", "main", "--provider", "openai", "--credential-env", "A", "--json")
        #expect(
            other.output.contains(
                #""settings":{"billing_day":31,"credential_env":"A","limits":{"cost":{"month":"1.5"},"tokens":{"month":9}},"#
                    + #""provider":"openai","sync":"300s"}"#), "\(other.output)\(other.errors)")
        let replaced = try await tollgate("account", "set", "main", "--provider", "github", "--replace")
        #expect(replaced.output == "main: no limits, billing_day 1, provider github, sync 60s (version 4)\n")
        let key = try await tollgate("account", "set", "main", "--credential-file", "sk-ant-secret")
        #expect(key.status == 2 && key.errors.contains("a credential itself is not accepted"), "\(key.errors)")
        #expect(!key.errors.contains("sk-ant-secret"))
        #expect(try await tollgate("account", "unset", "main").output == "main: deleted\n")
        #expect(try await tollgate("account", "unset", "main").status == 2)
        #expect(try await tollgate("account", "list").output.hasPrefix("no accounts"))
        for words in [
            ["--provider", "azure"], ["--sync", "59s"], ["--replace"],
            ["--credential-file", "/a", "--credential-env", "A"],
        ] {
            let refused = try await Command.run(
                SidecarProcess.program, ["account", "set", "x"] + words, workingFolder: process.folder.path)
            #expect(refused.status == 64, "\(words): \(refused.errors)")
        }
    }
}

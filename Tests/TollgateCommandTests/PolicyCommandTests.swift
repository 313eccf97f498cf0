import Foundation
import Testing
import TollgateServer
import TollgateTestSupport

/// The commands that need no sidecar.
@Suite struct PolicyCommandTests {
    private func check(_ policy: String, _ options: String...) async throws -> Command {
        let folder = try TemporaryFolder()
        try folder.write(policy, to: "limits.yaml")
        return try await Command.run(
            SidecarProcess.program, ["policy", "check", "limits.yaml"] + options, workingFolder: folder.path)
    }

    @Test("policy check accepts a valid file and summarizes it")
    func good() async throws {
        let command = try await check(
            """
            defaults:
              user: { requests: { 1m: 60 } }
              tool: { requests: { 1m: 60 } }
            scopes:
              tool:search: { requests: { 1m: 10 } }
            tiers:
              basic: { limits: { cost: { month: 100 } } }
              unused: { limits: {} }
            assignments:
              - { default: true, tier: basic }
            """)
        #expect(command.output == "limits.yaml: valid; limits for 2 kinds and 1 scope; 2 tiers and 1 assignment\n")
        #expect(command.errors == "")
        #expect(command.status == 0)
    }

    @Test("policy check prints warnings and exits with 0")
    func warning() async throws {
        let command = try await check("defaults:\n  user: { requests: { 1m: 60, 1h: 10 } }\n")
        let lines = command.output.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("warning: limits.yaml:2: defaults.user.requests.1m: can never matter") == true)
        #expect(lines.last == "limits.yaml: valid; limits for 1 kind and 0 scopes; 0 tiers and 0 assignments")
        #expect(command.status == 0)
    }

    @Test("policy check prints errors with their lines and exits with 2")
    func bad() async throws {
        let command = try await check(
            "defaults:\n  user: { requests: { 1m: sixty } }\n  tool: { reqests: { 1m: 60 } }\n")
        #expect(command.output == "")
        #expect(command.status == 2)
        let lines = command.errors.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasPrefix("limits.yaml:2: defaults.user.requests.1m: ") == true, "\(command.errors)")
        #expect(lines.last?.hasPrefix("limits.yaml:3: defaults.tool.reqests: ") == true, "\(command.errors)")
    }

    @Test(
        "a policy without limits is an error for policy check and at startup, unless it is explicit",
        arguments: ["", "currency: EUR\n"])
    func noLimits(text: String) async throws {
        let sentence =
            "limits.yaml:1: no limits: expected at least one under defaults:, scopes:, tiers: or accounts:, or no_limits: true\n"
        let command = try await check(text)
        #expect(command.errors == sentence)
        #expect(command.status == 2)
        let folder = try TemporaryFolder()
        try folder.write(text, to: "limits.yaml")
        let serving = try await Command.run(
            SidecarProcess.program, ["serve", "--policy", "limits.yaml", "--listen", "unix:s", "--admin", "off"],
            workingFolder: folder.path, patience: 20)
        #expect(serving.errors == "Error: " + sentence)
        #expect(serving.status == 1)
        #expect(try await check(text + "no_limits: true\n").status == 0)
    }

    @Test("policy check of a missing file names it and exits with 2, and defaults to tollgate.yaml")
    func missing() async throws {
        let folder = try TemporaryFolder()
        let named = try await Command.run(SidecarProcess.program, ["policy", "check", "/no/such.yaml"])
        #expect(named.errors == "/no/such.yaml: does not exist\n")
        #expect(named.status == 2)
        let unnamed = try await Command.run(SidecarProcess.program, ["policy", "check"], workingFolder: folder.path)
        #expect(unnamed.errors == "tollgate.yaml: does not exist\n")
        #expect(unnamed.status == 2)
    }

    @Test("the example is the repository's policy file")
    func example() async throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let example = try await Command.run(SidecarProcess.program, ["policy", "example"])
        #expect(example.output == (try String(contentsOf: root.appending(path: "tollgate.yaml"), encoding: .utf8)))
        #expect(example.status == 0)
    }

    @Test("the example policy says what closed does to a CHECK that names no cost, and a sidecar does that")
    func exampleExplainsClosed() async throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let example = try String(contentsOf: root.appending(path: "tollgate.yaml"), encoding: .utf8)
        let page = try String(contentsOf: root.appending(path: "docs/policy.md"), encoding: .utf8)
        let sentence = "limits, so a CHECK of a user fails even if it names no cost"
        #expect(example.contains(sentence))
        #expect(page.contains(sentence))
        let redis = try TestRedis()
        let sidecar = try await SidecarProcess(policy: example, arguments: ["--redis", "\(redis.address)"])
        redis.stop()
        let reply = try await sidecar.client().ask("CHECK user=alice")
        #expect(reply[0].hasPrefix("ERR unavailable"), "\(reply)")
        #expect(try await sidecar.client().ask("CHECK tool=x")[0].contains("degraded=1"))
    }

    @Test("policy check --json prints what /v1/policy/validate does")
    func checkAsJSON() async throws {
        let warned = try await check("defaults:\n  user: { requests: { 1m: 60, 1h: 10 } }\n", "--json")
        #expect(warned.output.hasPrefix(#"{"valid":true,"warnings":[{"line":2,"message":"can never matter"#))
        #expect(warned.output.hasSuffix(#""path":"defaults.user.requests.1m"}]}"# + "\n"), "\(warned.output)")
        #expect(warned.status == 0)
        let invalid = try await check("defaults:\n  user: { reqests: {} }\n", "--json")
        #expect(invalid.output.hasPrefix(#"{"errors":[{"line":2,"message":"unknown meter"#), "\(invalid.output)")
        #expect(invalid.output.hasSuffix(#""path":"defaults.user.reqests"}],"valid":false}"# + "\n"))
        #expect(invalid.status == 2 && invalid.errors.isEmpty)
        let missing = try await Command.run(SidecarProcess.program, ["policy", "check", "/no/such.yaml", "--json"])
        #expect(
            missing.output
                == #"{"errors":[{"line":1,"message":"/no/such.yaml: does not exist","path":""}],"valid":false}"# + "\n")
        #expect(missing.status == 2)
    }

    @Test(
        "policy check and keys refuse unknown TOLLGATE_ variables",
        arguments: [["policy", "check"], ["keys", "global"]])
    func unknownVariable(words: [String]) async throws {
        let folder = try TemporaryFolder()
        try folder.write("no_limits: true\n", to: "tollgate.yaml")
        let command = try await Command.run(
            SidecarProcess.program, words, workingFolder: folder.path, environment: ["TOLLGATE_NAMESPCE": "x"])
        #expect(
            command.errors
                == "TOLLGATE_NAMESPCE: unknown environment variable; did you mean TOLLGATE_NAMESPACE?\n")
        #expect(command.status == 2 && command.output.isEmpty)
    }

    @Test("version prints the version")
    func version() async throws {
        let command = try await Command.run(SidecarProcess.program, ["version"])
        #expect(command.output == "tollgate \(Version.current)\n")
        #expect(command.status == 0)
        #expect(try await Command.run(SidecarProcess.program, ["--version"]).output == "\(Version.current)\n")
        let json = try await Command.run(SidecarProcess.program, ["version", "--json"])
        #expect(json.output == #"{"version":"\#(Version.current)"}"# + "\n")
    }

    @Test("an unknown option is a usage error")
    func usageError() async throws {
        let command = try await Command.run(SidecarProcess.program, ["serve", "--bogus"])
        #expect(command.status == 64)
        #expect(command.errors.hasPrefix("Error: Unknown option '--bogus'\n"))
    }
}

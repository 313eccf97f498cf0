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
}

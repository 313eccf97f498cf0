import Foundation
import Testing
import TollgateAdmin
import TollgateTestSupport

@testable import tollgate

/// The command `tollgate doctor` with real servers and files.
@Suite struct DoctorTests {
    /// A finding of `doctor --json`.
    private struct Found {
        var status: Int32
        var checks: [JSONValue]

        init(_ command: Command) throws {
            status = command.status
            let json = try #require(JSONValue(text: command.output), "\(command)")
            checks = json["checks"].array
        }

        /// Whether a check of this name has this result, and a sentence that contains the text.
        func has(_ name: String, _ result: String, _ part: String) -> Bool {
            checks.contains {
                $0["name"].text == name && $0["result"].text == result && $0["sentence"].text.contains(part)
            }
        }

        var faults: [JSONValue] { checks.filter { $0["result"].text != "ok" } }
    }

    @Test("finds nothing on a healthy system, beside the sidecar that runs there, and disturbs neither")
    func healthy() async throws {
        let system = try DoctorSystem()
        let sidecar = try await SidecarProcess(
            policy: DoctorSystem.policy, arguments: system.arguments(listens: false), folder: system.folder)
        try await eventually { try await sidecar.ask("GET", "/readyz").status == 200 }
        try await eventually { try system.redis.cli("EXISTS", "tollgate:{policy}:sidecars:details") == "1" }
        let command = try await system.doctor("--json", listen: "unix:\(sidecar.socketPath)")
        let found = try Found(command)
        #expect(found.status == 0 && found.faults.isEmpty, "\(command.output)")
        #expect(found.has("lock", "ok", "process \(sidecar.processIdentifier) uses"), "\(command.output)")
        #expect(found.has("running sidecar", "ok", "version 0.1.0, process \(sidecar.processIdentifier), up "))
        #expect(found.has("Redis decisions", "ok", "a call that decides takes "), "\(command.output)")
        #expect(found.has("sidecars", "ok", "1 on namespace tollgate: "))
        #expect(!sidecar.log.contains("foreign") && !sidecar.log.contains(" warning "), "\(sidecar.log)")
        let text = try await system.doctor(listen: "unix:\(sidecar.socketPath)")
        #expect(text.output.hasSuffix("\n\n0 errors, 0 warnings, \(found.checks.count) ok\n"), "\(text.output)")
        #expect(try await sidecar.stop() == 0)
    }

    @Test("changes nothing: neither an empty Redis, nor the journal that a sidecar has left")
    func changesNothing() async throws {
        let system = try DoctorSystem()
        try await system.leaveJournal()
        func files() throws -> [String: Data?] {
            let names = try FileManager.default.contentsOfDirectory(atPath: system.data)
            return Dictionary(
                uniqueKeysWithValues: names.map { ($0, FileManager.default.contents(atPath: "\(system.data)/\($0)")) })
        }
        let before = try files()
        let found = try Found(try await system.doctor("--json"))
        #expect(found.has("journal", "warning", "2 operations wait for Redis"), "\(found)")
        #expect(try files() == before)
        #expect(try system.redis.cli("DBSIZE") == "0" && system.redis.cli("FUNCTION", "LIST").isEmpty)
        let persistence = try system.redis.cli("INFO", "persistence")
        #expect(persistence.contains("rdb_changes_since_last_save:0"), "\(persistence)")
    }

    @Test("finds each planted fault, with what to do", arguments: PlantedFault.allCases)
    func planted(fault: PlantedFault) async throws {
        guard fault != .fullDisk || SmallDisk.isPossible else { return }
        var system = try DoctorSystem(redis: fault.redisArguments)
        let expected = try await fault.plant(in: &system)
        let command = try await system.doctor("--json")
        let found = try Found(command)
        for (name, result, part) in expected {
            #expect(found.has(name, result, part), "\(name) \(result) \(part): \(command.output)")
        }
        let names = Set(expected.map(\.0))
        let others = found.faults.filter { !names.contains($0["name"].text) }
        #expect(others.isEmpty || fault.hasOtherEffects, "\(others)")
        #expect(found.faults.allSatisfy { $0["advice"] != .null }, "\(found.faults)")
        let isError = expected.contains { $0.1 == "error" }
        #expect(found.status == (isError ? 2 : 0), "\(command.output)")
    }

    @Test("invalid settings are one error, and unknown options exit with 64")
    func settings() async throws {
        let system = try DoctorSystem()
        let command = try await system.doctor("--json", "--deadline", "soon")
        let found = try Found(command)
        #expect(found.status == 2 && found.checks.count == 1 && found.has("settings", "error", "--deadline soon"))
        #expect(try await system.doctor("--nonsense").status == 64)
    }

    @Test("without --redis, the embedded Redis is checked if it runs, and redis-server in any case")
    func embedded() async throws {
        var system = try DoctorSystem()
        system.redisAddress = nil
        let without = try Found(try await system.doctor("--json"))
        #expect(without.has("redis-server", "ok", "has a fitting version"))
        #expect(without.has("Redis", "ok", "the embedded Redis does not run"), "\(without)")
        let sidecar = try await SidecarProcess(
            policy: DoctorSystem.policy, arguments: ["--data", system.data], folder: system.folder)
        let with = try Found(try await system.doctor("--json", listen: "unix:\(sidecar.socketPath)"))
        #expect(with.has("Redis", "ok", "redis.sock answers, version 7.") && with.faults.isEmpty, "\(with)")
        let missing = try await system.doctor(
            "--json", listen: "unix:\(sidecar.socketPath)", environment: ["PATH": "/nonexistent"])
        #expect(try Found(missing).has("redis-server", "error", "redis-server was not found in PATH"))
        #expect(try await sidecar.stop() == 0)
    }

    @Test("no secret is printed")
    func secrets() async throws {
        let redis = try TestRedis(password: "secret-of-redis")
        var system = try DoctorSystem()
        system.redisAddress = "\(redis.address)".replacing("***", with: "secret-of-redis")
        let token = "the-token-of-clients-1"
        let file = try system.folder.write(token, to: "token")
        let command = try await system.doctor("--json", "--token-file", file)
        #expect(try Found(command).has("Redis", "ok", "***@"), "\(command.output)")
        #expect(!"\(command)".contains("secret-of-redis") && !"\(command)".contains(token))
    }
}

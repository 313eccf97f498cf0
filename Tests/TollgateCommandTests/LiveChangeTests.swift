import Foundation
import Testing
import TollgateTestSupport

/// Changes of a running sidecar: its end, its files and its log level.
@Suite struct LiveChangeTests {
    private static let (old, new) = ("the-first-token-of-all", "the-second-token-of-all")

    private struct Status: Decodable {
        struct File: Decodable {
            var file: String?
            var loadedAt: String?
            var error: String?
        }
        struct Clients: Decodable {
            var tokenFile: String?
            var tokenError: String?
        }
        struct Log: Decodable {
            var level: String
            var until: String?
            var nextLevel: String?
        }
        var processId: Int
        var access: File
        var clients: Clients
        var log: Log
    }

    private func status(_ sidecar: SidecarProcess, token: String? = nil) async throws -> Status {
        let client = try sidecar.client()
        if let token { _ = try await client.ask("AUTH \(token)") }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Status.self, from: Data(try await client.ask("STATUS")[0].utf8))
    }

    @Test("SIGTERM ends the process after every pipelined request that was received has been answered")
    func pipelinedAtTheEnd() async throws {
        let redis = try TestRedis()
        let sidecar = try await SidecarProcess(
            policy: "defaults: { user: { requests: { total: 1000000 } } }",
            arguments: ["--redis", "\(redis.address)", "--deadline", "30s"])
        let clients = try (0..<8).map { _ in try sidecar.client() }
        for client in clients { #expect(try await client.ask("PING") == ["PONG"]) }
        redis.freeze(true)
        let lines = Array(repeating: "CHECK user=a", count: 100) + ["RECORD user=a requests=1", "PING"]
        for client in clients { try await client.send(lines.map { $0 + "\n" }.joined()) }
        // After this reply, all earlier input has been read.
        #expect(try await sidecar.client().ask("STATUS")[0].hasPrefix("{"))
        sidecar.signal(SIGTERM)
        // The admin API stops first.
        try await eventually { (try? SocketClient(.unix(path: sidecar.adminSocketPath))) == nil }
        #expect(sidecar.isRunning)
        redis.freeze(false)
        for client in clients {
            let replies = String(decoding: try await client.readToEnd(), as: UTF8.self).split(separator: "\n")
            #expect(replies.count == lines.count)
            #expect(replies.prefix(100).allSatisfy { $0.hasPrefix("ALLOW limit=user:a") })
            #expect(replies.suffix(2) == ["OK", "PONG"])
        }
        #expect(try await sidecar.end() == 0)
        #expect(try redis.hash("tollgate:user:a")["requests/total"] == "808")
    }

    @Test("the token and the access are reloaded when their files change and on SIGHUP, without a restart")
    func files() async throws {
        let (redis, folder) = (try TestRedis(), try TemporaryFolder())
        let tokenPath = try folder.write(Self.old, to: "token")
        let access = "tokens:\n  - { name: ops, role: admin, token: ops-\(Self.old) }\n"
        let accessPath = try folder.write(access, to: "access.yaml")
        for path in [tokenPath, accessPath] { chmod(path, 0o600) }
        let sidecar = try await SidecarProcess(
            policy: "",
            arguments: [
                "--redis", "\(redis.address)", "--deadline", "10s", "--token-file", tokenPath, "--admin-access",
                accessPath,
            ], environment: ["TOLLGATE_TOKEN": Self.old])
        func admits(_ token: String) async throws -> Bool {
            try await sidecar.ask("GET", "/v1/tiers", headers: ["Authorization": "Bearer \(token)"]).status == 200
        }
        let open = try sidecar.client()
        #expect(try await open.ask("AUTH \(Self.old)", "PING") == ["OK", "PONG"])
        try await eventually { try await admits("ops-\(Self.old)") }

        try folder.write(Self.new, to: "token")
        try folder.write(access.replacing(Self.old, with: Self.new), to: "access.yaml")
        // Not by trying: many wrong tokens are answered late.
        try await eventually {
            sidecar.log.contains(" info client token reloaded file=")
                && sidecar.log.contains(" info admin access reloaded ")
        }
        #expect(try await sidecar.client().ask("AUTH \(Self.new)") == ["OK"])
        #expect(try await admits("ops-\(Self.new)"))
        #expect(try await sidecar.client().ask("AUTH \(Self.old)") == ["ERR unauthenticated wrong token"])
        #expect(try await !admits("ops-\(Self.old)"))
        #expect(try await open.ask("PING") == ["PONG"])
        try await eventually { sidecar.log.contains(" info admin access reloaded changed=ops file=\(accessPath)\n") }

        sidecar.signal(SIGHUP)
        for line in ["client token reloaded without changes", "admin access reloaded without changes"] {
            try await eventually { sidecar.log.contains(" info \(line) ") }
        }
        try folder.write("short", to: "token")
        try folder.write("jwt: { keys: none.json, audience: a, roles: { admin: a } }\n", to: "access.yaml")
        sidecar.signal(SIGHUP)
        try await eventually {
            let status = try await status(sidecar, token: Self.new)
            return status.clients.tokenError?.hasSuffix("expected 16 to 512 bytes") == true
                && status.access.error?.hasSuffix("jwt.keys none.json: does not exist") == true
        }
        let last = try await status(sidecar, token: Self.new)
        #expect(last.access.file == accessPath && last.access.loadedAt != nil && last.clients.tokenFile == tokenPath)
        #expect(try await admits("ops-\(Self.new)"))
        #expect(!sidecar.log.contains("-token-of-all"))
        #expect(try await sidecar.stop() == 0)
    }

    @Test("tollgate log-level changes the level at once and for a time, and the audit log has it")
    func logLevel() async throws {
        let redis = try TestRedis()
        let sidecar = try await SidecarProcess(
            policy: "", arguments: ["--redis", "\(redis.address)", "--deadline", "10s", "--log-level", "warning"])
        func run(_ words: String...) async throws -> Command {
            try await Command.run(
                SidecarProcess.program, words, workingFolder: sidecar.folder.path,
                environment: ["TOLLGATE_ADMIN_CONNECT": "unix:\(sidecar.adminSocketPath)"])
        }
        #expect(try await run("log-level").output == "warning\n")
        #expect(!sidecar.log.contains(" info ") && !sidecar.log.contains(" debug "))
        let changed = try await run("log-level", "DEBUG", "--for", "1h")
        #expect(changed.output.contains(#/^debug until \S+Z, then warning\n$/#), "\(changed.output)\(changed.errors)")
        #expect(sidecar.log.contains(" notice log level changed level=debug until="))
        #expect(try await run("audit").output.contains("set the log level of "))
        #expect(sidecar.log.contains(" debug request answered "))
        let log = try await status(sidecar).log
        #expect(log.level == "debug" && log.until != nil && log.nextLevel == "warning")

        #expect(try await run("log-level", "error", "--for", "1s").status == 0)
        try await eventually { try await status(sidecar).log.level == "warning" }
        #expect(try await status(sidecar).log.until == nil)
        #expect(try await run("log-level", "error").output == "error\n")
        let length = sidecar.log.count
        _ = try await run("log-level")
        #expect(sidecar.log.count == length)
        for words in [["loud"], ["--for", "1m"], ["info", "--for", "500ms"], ["info", "--for", "25h"]] {
            let refused = try await Command.run(SidecarProcess.program, ["log-level"] + words)
            #expect(refused.status == 64, "\(words)")
        }
        #expect(try await sidecar.stop() == 0)
    }
}

import Foundation
import Testing
import TollgateTestSupport

/// The command `tollgate serve` with an embedded redis-server.
@Suite struct EmbeddedServeTests {
    static let policy = "defaults: { user: { requests: { 31d: 100 } } }"

    /// Starts a sidecar in a folder, with its data beside the policy.
    private func start(in folder: TemporaryFolder? = nil) async throws -> SidecarProcess {
        try await SidecarProcess(
            policy: Self.policy, arguments: ["--data", "data", "--deadline", "10s"], folder: folder)
    }

    private func used(_ sidecar: SidecarProcess, _ verb: String = "PEEK") async throws -> String? {
        try await sidecar.client().ask("\(verb) user=alice")[0].split(separator: " ").first { $0.hasPrefix("used=") }
            .map(String.init)
    }

    /// Checks the exit status after a signal, and that no process is left.
    private func expectCleanEnd(_ sidecar: SidecarProcess, _ send: (SidecarProcess) -> Void) async throws {
        let redis = try #require(sidecar.redisProcess)
        #expect(isAlive(redis))
        send(sidecar)
        #expect(try await sidecar.end() == 0)
        #expect(!isAlive(redis))
        #expect(!FileManager.default.fileExists(atPath: sidecar.socketPath))
        let redisLog = try String(contentsOfFile: sidecar.folder.path + "/data/redis.log", encoding: .utf8)
        #expect(redisLog.contains("Redis is now ready to exit, bye bye..."))
        #expect(!sidecar.log.lowercased().contains("error"), "\(sidecar.log)")
    }

    @Test("SIGTERM and SIGINT stop it and its redis-server with status 0", arguments: [SIGTERM, SIGINT])
    func signals(signal: Int32) async throws {
        try await expectCleanEnd(try await start()) { $0.signal(signal) }
    }

    @Test("Ctrl-C, which reaches the whole process group, stops it gracefully")
    func controlC() async throws {
        let sidecar = try await start()
        #expect(getpgid(sidecar.processIdentifier) == sidecar.processIdentifier)
        try await expectCleanEnd(sidecar) { kill(-$0.processIdentifier, SIGINT) }
    }

    @Test("a signal during the start of redis-server stops both gracefully", arguments: [SIGTERM, SIGINT])
    func signalWhileStarting(signal: Int32) async throws {
        let folder = try TemporaryFolder()
        try folder.write(Self.policy, to: "tollgate.yaml")
        let log = try folder.emptyFile("log")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: SidecarProcess.program)
        process.arguments = ["serve", "--listen", "unix:tollgate.sock", "--admin", "off", "--data", "data"]
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardError = try FileHandle(forWritingTo: log)
        try process.run()
        var redis: Int32?
        try await eventually {
            let mark = try String(contentsOf: log, encoding: .utf8).split(separator: "pid=").dropFirst().first
            redis = mark.flatMap { Int32($0.prefix { $0.isNumber }) }
            return redis != nil && mark?.contains(" ") == true
        }
        kill(process.processIdentifier, signal)
        try await eventually { !process.isRunning }
        #expect(process.terminationStatus == 0)
        #expect(!isAlive(try #require(redis)))
    }

    @Test("a stopped redis-server does not delay shutdown, and shuts down gracefully")
    func stoppedRedis() async throws {
        let sidecar = try await SidecarProcess(policy: Self.policy, arguments: ["--data", "data"])
        kill(try #require(sidecar.redisProcess), SIGSTOP)
        let started = ContinuousClock.now
        try await expectCleanEnd(sidecar) { $0.signal(SIGTERM) }
        #expect(ContinuousClock.now - started < .seconds(5))
    }

    @Test("loading corrupted data is retried a few times, then exits with status 1")
    func unloadable() async throws {
        let folder = try TemporaryFolder()
        let sidecar = try await start(in: folder)
        try appendGarbage(in: folder)
        kill(try #require(sidecar.redisProcess), SIGKILL)
        #expect(try await sidecar.end() == 1)
        let error = try #require(sidecar.log.split(separator: "\n").last)
        #expect(
            error.hasPrefix(
                "Error: --data data: redis-server exited 5 times in a row before it could serve (status 1)"),
            "\(sidecar.log)")
        #expect(error.contains("Bad file format reading the append only file"), "\(error)")
    }

    @Test("corrupted data at startup exit at once with status 1 and the reason")
    func unloadableAtStart() async throws {
        let folder = try TemporaryFolder()
        #expect(try await start(in: folder).stop() == 0)
        try appendGarbage(in: folder)
        let ended = try await Command.run(
            SidecarProcess.program, ["serve", "--listen", "unix:tollgate.sock", "--admin", "off", "--data", "data"],
            workingFolder: folder.path, patience: 30)
        let error = try #require(ended.errors.split(separator: "\n").last)
        #expect(error.hasPrefix("Error: --data data: redis-server exited at once (status 1)"), "\(ended.errors)")
        #expect(error.contains("Bad file format reading the append only file"), "\(error)")
        #expect(ended.status == 1)
    }

    private func appendGarbage(in folder: TemporaryFolder) throws {
        let file = folder.path + "/data/appendonlydir/appendonly.aof.1.incr.aof"
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("garbage".utf8))
        try handle.close()
    }

    @Test("the counters survive a restart")
    func restart() async throws {
        let folder = try TemporaryFolder()
        let first = try await start(in: folder)
        for number in 1...3 { #expect(try await used(first, "CHECK") == "used=\(number)") }
        #expect(try await first.stop() == 0)
        let second = try await start(in: folder)
        #expect(try await used(second) == "used=3")
        #expect(try await second.stop() == 0)
    }

    @Test("a killed sidecar can be restarted at once with its data")
    func killed() async throws {
        let folder = try TemporaryFolder()
        let first = try await start(in: folder)
        let orphan = try #require(first.redisProcess)
        #expect(try await used(first, "CHECK") == "used=1")
        first.signal(SIGKILL)
        #expect(try await first.end() == SIGKILL)
        #expect(isAlive(orphan))
        let second = try await start(in: folder)
        try await eventually { !isAlive(orphan) }
        #expect(try await used(second, "CHECK") == "used=2")
        #expect(try await second.stop() == 0)
    }

    @Test("a redis-server that dies is restarted")
    func redisKilled() async throws {
        let sidecar = try await start()
        let redis = try #require(sidecar.redisProcess)
        kill(redis, SIGKILL)
        try await eventually { sidecar.redisProcess != redis }
        try await eventually { try await self.used(sidecar, "CHECK") != nil }
        try await eventually { sidecar.log.contains("redis-server exited; restarting it") }
        #expect(try await sidecar.stop() == 0)
    }

    @Test("a second sidecar with the same folder exits with status 1 and does not affect the first")
    func sameFolder() async throws {
        let sidecar = try await start()
        #expect(try await used(sidecar, "CHECK") == "used=1")
        let second = try await Command.run(
            SidecarProcess.program, ["serve", "--listen", "unix:second.sock", "--admin", "off", "--data", "data"],
            workingFolder: sidecar.folder.path)
        #expect(
            second.errors == "Error: --data \(sidecar.folder.path)/data: the data folder is in use by another tollgate "
                + "(pid \(sidecar.processIdentifier))\n")
        #expect(second.status == 1)
        #expect(try await used(sidecar, "CHECK") == "used=2")
        #expect(try await sidecar.stop() == 0)
    }

    @Test("without redis-server in PATH, the error says what to install")
    func noRedisServer() async throws {
        let folder = try TemporaryFolder()
        try folder.write(Self.policy, to: "tollgate.yaml")
        let command = try await Command.run(
            SidecarProcess.program, ["serve", "--listen", "unix:tollgate.sock", "--admin", "off"],
            workingFolder: folder.path,
            environment: ["PATH": folder.path])
        #expect(
            command.errors == "Error: redis-server was not found in PATH: install it (Debian/Ubuntu: apt-get install "
                + "redis-server), or name a running Redis with --redis\n")
        #expect(command.status == 1)
    }

    @Test("a token that others can read is an error before redis-server starts")
    func unusableToken() async throws {
        let folder = try TemporaryFolder()
        try folder.write(Self.policy, to: "tollgate.yaml")
        chmod(try folder.write("a-token-for-everyone", to: "admin-token"), 0o644)
        let command = try await Command.run(
            SidecarProcess.program,
            ["serve", "--listen", "unix:tollgate.sock", "--admin", "unix:admin.sock", "--data", "."],
            workingFolder: folder.path)
        #expect(command.errors.hasPrefix("Error: ./admin-token: is readable by others"), "\(command.errors)")
        #expect(command.status == 1)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/redis.log"))
    }

    @Test("a used port is an error before anything is started", arguments: ["--listen", "--admin"])
    func usedPort(option: String) async throws {
        let redis = try TestRedis(tcp: true)
        let port = try #require(redis.port)
        let folder = try TemporaryFolder()
        try folder.write(Self.policy, to: "tollgate.yaml")
        let other = option == "--listen" ? "--admin" : "--listen"
        let command = try await Command.run(
            SidecarProcess.program,
            ["serve", option, "127.0.0.1:\(port)", other, "127.0.0.1:0", "--data", "data"],
            workingFolder: folder.path)
        let hint = "(is another sidecar running? choose another address"
        #expect(
            command.errors.hasPrefix("Error: \(option) 127.0.0.1:\(port): Address already in use \(hint)"),
            "\(command.errors)")
        #expect(command.status == 1)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/data"))
    }

    @Test("if it cannot listen, it stops its redis-server and prints the reason")
    func cannotListen() async throws {
        let redis = try TestRedis(tcp: true)
        let port = try #require(redis.port)
        for (address, reason) in [
            (
                "127.0.0.1:\(port)",
                "Address already in use (is another sidecar running? choose another address)"
            ),
            ("unix:/no/such/folder/x.sock", "No such file or directory"),
            ("unix:\(redis.socketPath)", "another process listens there"),
        ] {
            let folder = try TemporaryFolder()
            try folder.write(Self.policy, to: "tollgate.yaml")
            let command = try await Command.run(
                SidecarProcess.program, ["serve", "--listen", address, "--admin", "off", "--data", "data"],
                workingFolder: folder.path)
            #expect(command.errors.split(separator: "\n").last == "Error: --listen \(address): \(reason)")
            #expect(command.status == 1)
            #expect(throws: SocketClient.Failure.self) {
                try SocketClient(.unix(path: folder.path + "/data/redis.sock"))
            }
        }
    }
}

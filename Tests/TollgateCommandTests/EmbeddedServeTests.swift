import Foundation
import Testing
import TollgateTestSupport

/// `tollgate serve` with a redis-server of its own.
@Suite struct EmbeddedServeTests {
    static let policy = "defaults: { user: { requests: { 31d: 100 } } }"

    /// In `folder`, with its data beside the policy.
    private func start(in folder: TemporaryFolder? = nil) async throws -> SidecarProcess {
        try await SidecarProcess(
            policy: Self.policy, arguments: ["--data", "data", "--deadline", "10s"], folder: folder)
    }

    private func used(_ sidecar: SidecarProcess, _ verb: String = "PEEK") async throws -> String? {
        try await sidecar.client().ask("\(verb) user=alice")[0].split(separator: " ").first { $0.hasPrefix("used=") }
            .map(String.init)
    }

    /// How the process ends when it is sent a signal, and that nothing of it is left.
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

    @Test("SIGTERM and SIGINT end it with status 0, and its redis-server with it", arguments: [SIGTERM, SIGINT])
    func signals(signal: Int32) async throws {
        try await expectCleanEnd(try await start()) { $0.signal(signal) }
    }

    @Test("a Ctrl-C in the terminal, which reaches the whole process group, ends it as cleanly")
    func controlC() async throws {
        let sidecar = try await start()
        #expect(getpgid(sidecar.processIdentifier) == sidecar.processIdentifier)
        try await expectCleanEnd(sidecar) { kill(-$0.processIdentifier, SIGINT) }
    }

    @Test("a signal while the redis-server is still being started ends both as cleanly", arguments: [SIGTERM, SIGINT])
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

    @Test("a redis-server that was stopped by a signal does not hold up the end, and ends in good order")
    func stoppedRedis() async throws {
        let sidecar = try await SidecarProcess(policy: Self.policy, arguments: ["--data", "data"])
        kill(try #require(sidecar.redisProcess), SIGSTOP)
        let started = ContinuousClock.now
        try await expectCleanEnd(sidecar) { $0.signal(SIGTERM) }
        #expect(ContinuousClock.now - started < .seconds(5))
    }

    @Test("data that cannot be loaded are tried a few times, and then it says so and ends with status 1")
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

    @Test("data that cannot be loaded at the start end it at once, with status 1 and the reason")
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

    @Test("a sidecar that was killed can be started again at once, over the data as they were")
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

    @Test("a redis-server that dies is started again")
    func redisKilled() async throws {
        let sidecar = try await start()
        let redis = try #require(sidecar.redisProcess)
        kill(redis, SIGKILL)
        try await eventually { sidecar.redisProcess != redis }
        try await eventually { try await self.used(sidecar, "CHECK") != nil }
        try await eventually { sidecar.log.contains("redis-server exited; restarting it") }
        #expect(try await sidecar.stop() == 0)
    }

    @Test("a second sidecar over the same folder says so and ends with status 1; the first never notices")
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

    @Test("without redis-server in PATH it says what to install")
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

    @Test("a token that others can read ends it before a redis-server is started")
    func unusableToken() async throws {
        let folder = try TemporaryFolder()
        try folder.write(Self.policy, to: "tollgate.yaml")
        chmod(try folder.write("a-token-for-everyone", to: "admin-token"), 0o644)
        let command = try await Command.run(
            SidecarProcess.program,
            ["serve", "--listen", "unix:tollgate.sock", "--admin", "unix:admin.sock", "--data", "."],
            workingFolder: folder.path)
        #expect(command.errors.hasPrefix("Error: ./admin-token: others can read it"), "\(command.errors)")
        #expect(command.status == 1)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/redis.log"))
    }

    @Test("when it cannot listen it says why and stops the redis-server that it has started")
    func cannotListen() async throws {
        let redis = try TestRedis(tcp: true)
        let port = try #require(redis.port)
        for (address, reason) in [
            ("127.0.0.1:\(port)", "Address already in use"),
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

import Foundation
import Logging
import Testing
import TollgateTestSupport

@testable import TollgateRedis

@Suite("The embedded Redis")
struct EmbeddedRedisTests {
    private let folder: TemporaryFolder
    private var data: String { folder.path + "/data" }
    private var probe: RedisProbe {
        RedisProbe(socketPath: data + "/redis.sock", timeout: timeval(tv_sec: 5, tv_usec: 0))
    }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func make(searchPath: String? = nil) -> EmbeddedRedis {
        EmbeddedRedis(
            dataFolder: data, logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }, searchPath: searchPath)
    }

    /// Starts, runs and stops an embedded Redis around the body.
    private func withRunning(_ redis: EmbeddedRedis, _ body: () async throws -> Void) async throws {
        let address = try await redis.start()
        #expect(address == RedisAddress(unixSocket: data + "/redis.sock"))
        let running = Task { try await redis.run() }
        do {
            try await body()
        } catch {
            await redis.stop()
            throw error
        }
        await redis.stop()
        try await running.value
    }

    private func rights(of path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test("starts in a folder of its own that others cannot enter, and ends when it is stopped")
    func starts() async throws {
        let redis = make()
        try await withRunning(redis) {
            #expect(probe.ask("PING") == .reply("PONG"))
            #expect(try rights(of: data) == 0o700)
            #expect(try rights(of: data + "/redis.sock") == 0o600)
            let pid = try #require(await redis.processIdentifier)
            #expect(getpgid(pid) == pid, "a Ctrl-C must not reach the server before us")
        }
        #expect(await redis.processIdentifier == nil)
        #expect(probe.ask("PING") == .absent)
        #expect(
            EmbeddedRedis.lastLine(ofLog: data + "/redis.log").contains("ready to exit"),
            "it was asked to end, not killed")
    }

    @Test("a folder that is there keeps its rights")
    func existingFolder() async throws {
        try FileManager.default.createDirectory(
            atPath: data, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
        try await withRunning(make()) {
            let rights = try rights(of: data)
            #expect(rights == 0o755)
        }
    }

    @Test("data is there again after a stop and a start")
    func data() async throws {
        try await withRunning(make()) { #expect(probe.ask("SET", "key", "value") == .reply("OK")) }
        try await withRunning(make()) { #expect(probe.ask("GET", "key") == .reply("value")) }
    }

    @Test("it has loaded its data when the start is over")
    func loading() async throws {
        let fill = "for i = 1, 10000 do redis.call('SET', 'key' .. ARGV[1] + i, ('x'):rep(100)) end return 'filled'"
        try await withRunning(make()) {
            // In parts, as the probe has little patience.
            for start in stride(from: 0, to: 200_000, by: 10_000) {
                #expect(probe.ask("EVAL", fill, "0", "\(start)") == .reply("filled"))
            }
        }
        let redis = make()
        _ = try await redis.start()
        #expect(probe.ask("EXISTS", "key200000") == .reply(""), "a number, and not LOADING")
        await redis.stop()
    }

    @Test("a second one over the same folder is refused, and the first goes on")
    func second() async throws {
        try await withRunning(make()) {
            let error = try await #require(throws: RedisError.self) { _ = try await make().start() }
            #expect(
                error.description
                    == "--data \(data): the data folder is in use by another tollgate (pid \(getpid()))")
            #expect(probe.ask("PING") == .reply("PONG"))
        }
    }

    @Test("a server that dies is started again, with its data")
    func dies() async throws {
        let redis = make()
        try await withRunning(redis) {
            #expect(probe.ask("SET", "key", "value") == .reply("OK"))
            for _ in 0..<2 {
                let pid = try #require(await redis.processIdentifier)
                kill(pid, SIGKILL)
                try await eventually {
                    let now = await redis.processIdentifier
                    return now != nil && now != pid && probe.ask("PING") == .reply("PONG")
                }
            }
            #expect(probe.ask("GET", "key") == .reply("value"))
        }
    }

    @Test("a cancelled run stops the server before it returns")
    func cancelled() async throws {
        let redis = make()
        _ = try await redis.start()
        let running = Task { try await redis.run() }
        running.cancel()
        try await running.value
        #expect(await redis.processIdentifier == nil)
        #expect(probe.ask("PING") == .absent)
    }

    @Test("a server left behind by a tollgate that was killed is shut down and its data taken over")
    func leftover() async throws {
        let path = try EmbeddedRedis.prepareFolder(data)
        let leftover = Process()
        leftover.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        leftover.arguments =
            ["redis-server"] + EmbeddedRedis.arguments(folder: path, socketPath: path + "/redis.sock")
        leftover.standardOutput = FileHandle.nullDevice
        try leftover.run()
        defer { if leftover.isRunning { kill(leftover.processIdentifier, SIGKILL) } }
        try await eventually { probe.ask("SET", "key", "value") == .reply("OK") }
        let redis = make()
        try await withRunning(redis) {
            #expect(probe.ask("GET", "key") == .reply("value"))
            try await eventually { !leftover.isRunning }
            #expect(leftover.terminationStatus == 0)
            #expect(await redis.processIdentifier != leftover.processIdentifier)
        }
    }

    @Test("without the program it says what to install or to name")
    func missingProgram() async throws {
        let error = try await #require(throws: RedisError.self) {
            _ = try await make(searchPath: "/nonexistent:\(folder.path)").start()
        }
        #expect(
            error.description == """
                redis-server was not found in PATH: install it (Debian/Ubuntu: apt-get install redis-server), \
                or name a running Redis with --redis
                """)
        #expect(!FileManager.default.fileExists(atPath: data))
    }

    @Test(
        "a program older than 7, or none at all, is not started",
        arguments: [
            (
                "Redis server v=6.2.14 sha=00000000:0 malloc=jemalloc-5.1.0 bits=64 build=0",
                "is version 6.2.14, and Tollgate needs Redis 7.0 or later: install a later one, or name a running Redis with --redis"
            ),
            ("hello", "--version does not print a version: is it a redis-server?"),
        ])
    func oldProgram(output: String, sentence: String) async throws {
        let program = try folder.write("#!/bin/sh\necho '\(output)'\n", to: "redis-server")
        chmod(program, 0o755)
        let error = try await #require(throws: RedisError.self) { _ = try await make(searchPath: folder.path).start() }
        #expect(error.description == "\(program) \(sentence)")
        #expect(!FileManager.default.fileExists(atPath: data))
    }

    @Test("a server that cannot start gives its reason, and lets the folder go")
    func cannotStart() async throws {
        let path = try EmbeddedRedis.prepareFolder(data)
        let broken = path + "/appendonlydir/appendonly.aof.manifest"
        try Data("not a manifest\n".utf8).write(to: URL(fileURLWithPath: broken))
        let error = try await #require(throws: RedisError.self) { _ = try await make().start() }
        #expect(error.description.hasPrefix("--data \(data): redis-server exited at once (status 1)"))
        #expect(error.description.contains("manifest"))
        try FileManager.default.removeItem(atPath: broken)
        try await withRunning(make()) { #expect(probe.ask("PING") == .reply("PONG")) }
    }

    @Test("a folder whose path is too long for a socket is refused")
    func longPath() async throws {
        let long = folder.path + "/" + String(repeating: "a", count: 100)
        let redis = EmbeddedRedis(dataFolder: long, logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() })
        let error = try await #require(throws: RedisError.self) { _ = try await redis.start() }
        #expect(error.description.contains("name a folder with a shorter path"))
    }
}

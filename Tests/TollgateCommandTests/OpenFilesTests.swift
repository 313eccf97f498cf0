import Foundation
import Testing
import TollgateTestSupport

/// A sidecar with a low limit of open files.
@Suite struct OpenFilesTests {
    static let policy = "defaults: { user: { requests: { total: 1000000 } } }"

    private func sidecar(_ redis: TestRedis, openFiles: String) async throws -> SidecarProcess {
        try await SidecarProcess(
            policy: Self.policy, arguments: ["--redis", "\(redis.address)", "--deadline", "10s"], openFiles: openFiles)
    }

    @Test("many idle connections leave file descriptors for reconnecting to Redis")
    func reserve() async throws {
        let redis = try TestRedis()
        let sidecar = try await sidecar(redis, openFiles: "-n 256")
        let client = try sidecar.client()
        var idle = try (0..<300).map { _ in try sidecar.client() }
        #expect(try await idle[299].readLine() == "-ERR busy too many connections")
        #expect(sidecar.openFiles < 230)
        #expect(try await client.ask("STATUS")[0].contains(#""max":128,"refused":"#))
        try redis.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        try await eventually {
            let reply = try await client.ask("CHECK user=alice")[0]
            return reply.hasPrefix("ALLOW limit=user:alice/")
        }
        #expect(try await sidecar.processorShare() < 0.5)
        #expect(sidecar.lines(with: "limit of 256 open files leaves room for 128 connections").count == 1)
        #expect(sidecar.lines(with: "line port: connection limit reached").count == 1)
        idle.removeAll()
        try await eventually { (try? await sidecar.client().ask("PING")) == ["PONG"] }
        try await eventually { sidecar.lines(with: "line port: accepting connections again").count == 1 }
        #expect(try await sidecar.stop() == 0)
    }

    @Test("without free file descriptors, accepting pauses, logs once, and resumes")
    func exhausted() async throws {
        let redis = try TestRedis()
        let sidecar = try await sidecar(redis, openFiles: "-n 1024")
        let client = try sidecar.client()
        #expect(try await client.ask("PING") == ["PONG"])
        let limit = sidecar.openFiles + 5
        let lowered = try await Command.run(
            "prlimit", ["--pid", "\(sidecar.processIdentifier)", "--nofile=\(limit):1024"])
        #expect(lowered.status == 0, "\(lowered.errors)")
        var waiting = try (0..<30).map { _ in try sidecar.client() }
        try await eventually { try await client.ask("STATUS")[0].contains(#""accept_failure":"Too many open files""#) }
        #expect(try await sidecar.processorShare() < 0.5)
        #expect(try await client.ask("CHECK user=alice")[0].hasPrefix("ALLOW limit=user:alice/"))
        waiting.removeAll()
        try await eventually { (try? await sidecar.client().ask("PING")) == ["PONG"] }
        try await eventually { try await !client.ask("STATUS")[0].contains("accept_failure") }
        let failure = "line port: cannot accept connections: Too many open files"
        #expect(sidecar.lines(with: failure).count == 1)
        #expect(sidecar.lines(with: "line port: can accept connections again").count == 1)
        #expect(try await sidecar.stop() == 0)
    }

    @Test("it raises its limit to the system's maximum")
    func raised() async throws {
        let redis = try TestRedis()
        let sidecar = try await sidecar(redis, openFiles: "-S -n 256")
        let limits = try String(contentsOfFile: "/proc/\(sidecar.processIdentifier)/limits", encoding: .utf8)
        let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
        let numbers = line.split(separator: " ").compactMap { Int($0) }
        #expect(numbers.count == 2 && numbers[0] == min(numbers[1], 1 << 20), "\(line)")
        #expect(try await sidecar.stop() == 0)
    }
}

extension SidecarProcess {
    /// The number of open files.
    fileprivate var openFiles: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(processIdentifier)/fd").count) ?? 0
    }

    fileprivate func lines(with text: String) -> [Substring] { log.split(separator: "\n").filter { $0.contains(text) } }

    /// The share of one processor that it uses, over some tenths of a second.
    fileprivate func processorShare() async throws -> Double {
        let (before, started) = (try processorTicks(), ContinuousClock.now)
        try await Task.sleep(for: .milliseconds(600))
        let seconds = Double((ContinuousClock.now - started) / .milliseconds(1)) / 1_000
        return Double(try processorTicks() - before) / Double(sysconf(Int32(_SC_CLK_TCK))) / seconds
    }

    private func processorTicks() throws -> Int {
        let stat = try String(contentsOfFile: "/proc/\(processIdentifier)/stat", encoding: .utf8)
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        return (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0)
    }
}

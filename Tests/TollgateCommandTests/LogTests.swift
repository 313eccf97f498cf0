import Foundation
import Logging
import Testing
import TollgateTestSupport

@testable import tollgate

/// The log of `tollgate serve`.
@Suite struct LogTests {
    private static let policy = """
        defaults: { user: { requests: { 31d: 100, 1h: 10 } }, user+tool: { requests: { 1m: 5 } } }
        tiers: { basic: { limits: { cost: { month: 1 } } } }
        """

    private func process(_ redis: TestRedis, _ arguments: String..., environment: [String: String] = [:])
        async throws -> SidecarProcess
    {
        try await SidecarProcess(
            policy: Self.policy, arguments: ["--redis", "\(redis.address)", "--deadline", "10s"] + arguments,
            environment: environment)
    }

    private func lines(_ sidecar: SidecarProcess, with text: String) -> [String] {
        sidecar.log.split(separator: "\n").map(String.init).filter { $0.contains(text) }
    }

    @Test("one line describes the start, and one line the stop with its signal", arguments: [SIGTERM, SIGINT])
    func startAndStop(signal: Int32) async throws {
        let redis = try TestRedis()
        let sidecar = try await process(redis, "--listen", "127.0.0.1:0")
        try await eventually(within: .seconds(30)) { lines(sidecar, with: "tollgate started").count == 1 }
        let line = try #require(lines(sidecar, with: "tollgate started").first)
        #expect(line.contains(#/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info tollgate started admin=unix:/#), "\(line)")
        for field in [
            #" kinds="user 3, user+tool 1" limits=4 listen="unix:\#(sidecar.socketPath) 127.0.0.1:"#,
            " policy=\(sidecar.policyPath) redis=\(redis.address) redis_version=7.", " version=0.1.0", " digest=",
        ] {
            #expect(line.contains(field), "\(field): \(line)")
        }
        sidecar.signal(signal)
        #expect(try await sidecar.end() == 0)
        let last = try #require(sidecar.log.split(separator: "\n").last)
        let name = signal == SIGTERM ? "SIGTERM" : "SIGINT"
        #expect(last.contains(" info tollgate stopped ran=") && last.hasSuffix(" reason=\(name)"), "\(last)")
    }

    @Test("a failed part is the reason of the stop, and an error before the start is left to the command")
    func failure() async throws {
        struct Failure: Error, CustomStringConvertible { var description = "the part has failed" }
        let log = CapturedLog()
        let run = RunLog(log.logger)
        await #expect(throws: Failure.self) { try await run.recording { throw Failure() } }
        #expect(log.text.isEmpty)
        let other = RunLog(log.logger)
        other.started([:])
        await #expect(throws: Failure.self) { try await other.recording { throw Failure() } }
        #expect(log.text.hasSuffix("\nerror tollgate stopped ran=0 s reason=the part has failed"), "\(log.text)")
    }

    @Test("--log-format json writes an object a line, and --log-level sets the least level")
    func formats() async throws {
        let redis = try TestRedis()
        let sidecar = try await process(redis, "--log-level", "debug", environment: ["TOLLGATE_LOG_FORMAT": "json"])
        try await eventually(within: .seconds(30)) { sidecar.log.contains("tollgate started") }
        #expect(try await sidecar.stop() == 0)
        var messages: Set<String> = []
        for line in sidecar.log.split(separator: "\n") {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(object?["time"] is String && object?["level"] is String, "\(line)")
            messages.insert(try #require(object?["message"] as? String))
        }
        #expect(messages.isSuperset(of: ["tollgate started", "tollgate stopped", "listening"]), "\(messages)")

        let quiet = try await process(redis, "--log-level", "error")
        #expect(try await quiet.stop() == 0)
        #expect(quiet.log.isEmpty, "\(quiet.log)")
    }

    @Test("all links to Redis are logged as one: one line when they are lost, one when they are back")
    func links() async throws {
        let redis = try TestRedis()
        let sidecar = try await process(redis, "--workers", "2")
        func isReady() async throws -> Bool { try await sidecar.client().ask("STATUS")[0].contains(#""not_ready":[]"#) }
        try await eventually(within: .seconds(30)) { try await isReady() }
        #expect(lines(sidecar, with: "connected to Redis").count == 1, "\(sidecar.log)")
        redis.stop()
        try await eventually(within: .seconds(30)) { try await !isReady() }
        try redis.start()
        try await eventually(within: .seconds(30)) { lines(sidecar, with: "connected to Redis").count == 2 }
        #expect(lines(sidecar, with: "no connection to Redis; retrying").count == 1, "\(sidecar.log)")
    }

    @Test("an unknown TOLLGATE_ variable ends serve with status 1, and a command with status 2")
    func unknownVariable() async throws {
        let sentence = "TOLLGATE_LISTN: unknown environment variable; did you mean TOLLGATE_LISTEN?\n"
        let environment = ["TOLLGATE_LISTN": "127.0.0.1:1"]
        let serve = try await Command.run(SidecarProcess.program, ["serve"], environment: environment, patience: 20)
        #expect(serve.status == 1 && serve.errors == "Error: \(sentence)", "\(serve)")
        for words in [["ping"], ["tier", "list"]] {
            let command = try await Command.run(SidecarProcess.program, words, environment: environment)
            #expect(command.status == 2 && command.errors == sentence, "\(command)")
        }
    }
}

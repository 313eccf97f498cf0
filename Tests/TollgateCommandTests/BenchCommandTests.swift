import Foundation
import Testing
import TollgateTestSupport

/// The command `tollgate bench`.
@Suite struct BenchCommandTests {
    private static let policy = "defaults: { user: { requests: { 31d: 1000000 } } }"

    @Test("bench measures a sidecar and prints text, or JSON")
    func sidecar() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        let words = ["bench", "--connections", "4", "--pipeline", "2", "--count", "400", "--warmup", "0s"]
        let environment = ["TOLLGATE_CONNECT": "unix:\(sidecar.process.socketPath)"]
        let text = try await Command.run(SidecarProcess.program, words, environment: environment)
        #expect(text.status == 0, "\(text.errors)")
        #expect(text.output.contains("4 connections, 2 deep, 1 thread"))
        #expect(text.output.contains("replies     ALLOW 400"))
        let json = try await Command.run(SidecarProcess.program, words + ["--json"], environment: environment)
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(report["mode"] as? String == "sidecar")
        #expect(report["requests"] as? Int == 400)
        #expect((report["replies"] as? [String: Int])?["allow"] == 400)
        let latency = try #require(report["latency_ms"] as? [String: Double])
        #expect(latency.keys.sorted() == ["max", "p50", "p90", "p99", "p99.9"])
    }

    @Test("bench --direct measures Redis with the limits of a policy file")
    func direct() async throws {
        let redis = try TestRedis()
        let folder = try TemporaryFolder()
        try folder.write(Self.policy, to: "limits.yaml")
        let command = try await Command.run(
            SidecarProcess.program,
            [
                "bench", "--direct", "\(redis.address)", "--policy", "limits.yaml", "--users", "1", "--count", "300",
                "--warmup",
                "0s",
            ],
            workingFolder: folder.path)
        #expect(command.status == 0, "\(command.errors)")
        #expect(command.output.hasPrefix("direct unix://"))
        #expect(try redis.cli("EXISTS", "bench:user:u0") == "1")
    }

    @Test(
        "invalid settings of bench are errors that name the option",
        arguments: [
            (["--count", "0"], "--count 0: expected 1 to 1000000000"),
            (
                ["--threads", "3", "--connections", "2"],
                "--threads 3: expected at most one per connection, of which there are 2"
            ),
            (["--duration", "long"], "--duration long: expected a duration such as 500ms, 10s or 2m"),
            (["--count", "5", "--duration", "1s"], "--count and --duration: cannot be combined"),
            (["--policy", "x"], "--policy: requires --direct; a sidecar has its own"),
            (["--rate", "0"], "--rate 0.0: expected 1 to 10000000 requests per second"),
            (["--connect", "unix:/nowhere/t.sock"], "unix:/nowhere/t.sock: no such file or directory\n"),
            (["--connect", "127.0.0.1:1"], "127.0.0.1:1: connection refused\n"),
            (["--direct", "redis://localhost:1", "--policy", "/dev/null"], "/dev/null: is not a regular file\n"),
        ])
    func refused(_ words: [String], _ sentence: String) async throws {
        let command = try await Command.run(SidecarProcess.program, ["bench"] + words)
        #expect(command.status == 2)
        #expect(command.errors.contains(sentence), "\(command.errors)")
        #expect(command.output == "")
    }
}

import Foundation
import Testing
import TollgateClient
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateBench

/// The load generator with a real sidecar and a real Redis.
@Suite struct BenchTests {
    private static let policy =
        "defaults: { user: { requests: { 31d: 1000000 } }, tool: { requests: { 31d: 1000000 } } }"

    private func withSidecar(
        policy: String = Self.policy, token: String? = nil,
        _ body: (TestRedis, TollgateAddress) async throws -> Void
    ) async throws {
        let redis = try TestRedis()
        let process = try await SidecarProcess(
            policy: policy, arguments: ["--redis", "\(redis.address)", "--deadline", "10s"],
            environment: token.map { ["TOLLGATE_TOKEN": $0] } ?? [:])
        try await body(redis, .unix(path: process.socketPath))
    }

    private func settings(_ target: BenchSettings.Target, count: Int) -> BenchSettings {
        var settings = BenchSettings(target: target)
        settings.connections = 8
        settings.pipeline = 4
        settings.threads = 2
        settings.warmup = .zero
        settings.workload.users = 10
        settings.extent = .count(count)
        return settings
    }

    private func counted(_ redis: TestRedis, namespace: String) throws -> Int {
        try (0..<10).reduce(0) { sum, user in
            sum + (Int(try redis.hash("\(namespace):user:u\(user)")["requests/31d.n"] ?? "0") ?? 0)
        }
    }

    @Test("a run sends the requested number of requests, each counted once")
    func sidecar() async throws {
        try await withSidecar { redis, address in
            let report = try await Bench.run(settings(.sidecar(address, token: nil), count: 5_000))
            #expect(report.mode == "sidecar")
            #expect(report.requests == 5_000)
            #expect(report.replies == BenchReport.Replies(allow: 5_000))
            #expect(report.errors.isEmpty)
            #expect(try counted(redis, namespace: "tollgate") == 5_000)
            #expect(report.requestsPerSecond > 0)
            let latency = report.latency
            #expect(0 < latency.p50 && latency.p50 <= latency.p90 && latency.p90 <= latency.p99)
            #expect(latency.p99 <= latency.p999 && latency.p999 <= latency.max)
        }
    }

    @Test("Redis receives the same requests with the same policy")
    func direct() async throws {
        let redis = try TestRedis()
        let policy = try Policy(yaml: Self.policy, file: "test.yaml")
        let report = try await Bench.run(settings(.direct(redis.address, policy, namespace: "b"), count: 3_000))
        #expect(report.mode == "direct")
        #expect(report.replies == BenchReport.Replies(allow: 3_000))
        #expect(try counted(redis, namespace: "b") == 3_000)
    }

    @Test("requests to Redis include composite scopes and global")
    func directComposites() async throws {
        let redis = try TestRedis()
        let text = """
            defaults:
              user+tool: { requests: { total: 1000000 } }
              team+tool: { requests: { total: 1 } }
            scopes: { global: { requests: { total: 1000000 } } }
            """
        let policy = try Policy(yaml: text, file: "test.yaml")
        var settings = settings(.direct(redis.address, policy, namespace: "b"), count: 500)
        settings.workload.users = 1
        settings.workload.tools = 1
        let report = try await Bench.run(settings)
        #expect(report.replies.allow == 500)
        #expect(try redis.hash("b:user:u0+tool:t0")["requests/total"] == "500")
        #expect(try redis.hash("b:global")["requests/total"] == "500")
    }

    @Test("the warm-up counts in the target but not in the report")
    func warmup() async throws {
        try await withSidecar { redis, address in
            var settings = settings(.sidecar(address, token: nil), count: 100)
            settings.warmup = .milliseconds(200)
            let report = try await Bench.run(settings)
            #expect(report.requests == 100)
            #expect(try counted(redis, namespace: "tollgate") > 100)
        }
    }

    @Test("denials, records and errors are reported separately")
    func replies() async throws {
        try await withSidecar(policy: "defaults: { user: { requests: { 31d: 5 } } }") { _, address in
            var settings = settings(.sidecar(address, token: nil), count: 1_000)
            settings.workload.mix = try VerbMix(parsing: "check=1,record=1")
            let report = try await Bench.run(settings)
            #expect(report.replies.allow == 50)
            #expect(report.replies.deny > 300)
            #expect(report.replies.ok > 300)
            #expect(report.replies.allow + report.replies.deny + report.replies.ok == 1_000)
        }
    }

    @Test("a token is sent first, and a wrong one is an error")
    func token() async throws {
        try await withSidecar(token: "secret-of-the-tests") { _, address in
            let report = try await Bench.run(settings(.sidecar(address, token: "secret-of-the-tests"), count: 200))
            #expect(report.replies.allow == 200)
            let error = await #expect(throws: OperatorError.self) {
                try await Bench.run(settings(.sidecar(address, token: "wrong"), count: 200))
            }
            #expect(error?.description.contains("unauthenticated") == true)
        }
    }

    @Test("an open loop sends at its rate, and a pause affects all calls that were due in it")
    func openLoop() async throws {
        let redis = try TestRedis()
        let policy = try Policy(yaml: Self.policy, file: "test.yaml")
        var settings = settings(.direct(redis.address, policy, namespace: "b"), count: 3_000)
        settings.rate = 1_000
        let freeze = Task {
            // One command, so that the pause begins long before the last call is due, also on a busy machine.
            try await eventually { Int(try redis.cli("DBSIZE")) ?? 0 > 0 }
            redis.freeze(true)
            try await Task.sleep(for: .seconds(1))
            redis.freeze(false)
        }
        let report = try await Bench.run(settings)
        try await freeze.value
        #expect(report.replies.allow == 3_000)
        #expect((2.9...6).contains(report.seconds))
        // A third of the calls fall into the pause. A closed loop would have noticed 32.
        #expect(report.latency.max > 900)
        #expect(report.latency.p90 > 300)
    }

    @Test("an open loop ends after its duration")
    func openLoopForATime() async throws {
        try await withSidecar { _, address in
            var settings = settings(.sidecar(address, token: nil), count: 0)
            settings.extent = .time(.milliseconds(500))
            settings.rate = 400
            let start = ContinuousClock.now
            let report = try await Bench.run(settings)
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect((195...200).contains(report.requests))
        }
    }

    @Test("calls without a reply are given up, counted, and among the slowest")
    func silence() async throws {
        let redis = try TestRedis()
        let policy = try Policy(yaml: Self.policy, file: "test.yaml")
        let freeze = Task {
            try await eventually { try counted(redis, namespace: "b") > 100 }
            redis.freeze(true)
        }
        defer { redis.freeze(false) }
        var settings = settings(.direct(redis.address, policy, namespace: "b"), count: 1_000_000_000)
        settings.patience = .seconds(2)
        let report = try await Bench.run(settings)
        try await freeze.value
        #expect(report.errors["unanswered"] == 32)
        #expect(report.latency.max > 1_600)
    }

    @Test("an unreachable or closing target is an error that names it")
    func noTarget() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/none.sock"
        let error = await #expect(throws: OperatorError.self) {
            try await Bench.run(settings(.sidecar(.unix(path: path), token: nil), count: 10))
        }
        #expect(error?.description.contains(path) == true)
        let redis = try TestRedis()
        let wrong = await #expect(throws: OperatorError.self) {
            try await Bench.run(settings(.sidecar(.unix(path: redis.socketPath), token: nil), count: 10))
        }
        #expect(wrong?.description.contains("expected a reply of a sidecar") == true)
    }
}

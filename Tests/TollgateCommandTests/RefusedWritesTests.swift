import Foundation
import Testing
import TollgateTestSupport

/// The built sidecar with a Redis that replies but refuses writes.
@Suite struct RefusedWritesTests {
    static let policy = "defaults: { user: { requests: { 31d: 1000 } } }"

    /// A way to make Redis refuse writes, and to end that.
    struct Cause: Sendable, CustomTestStringConvertible {
        var code: String
        var arguments: [String] = []
        var begin: @Sendable (TestRedis, TemporaryFolder) throws -> Void
        var end: @Sendable (TestRedis, TemporaryFolder) throws -> Void
        var testDescription: String { code }
    }

    static let causes = [
        Cause(
            code: "OOM", begin: { redis, _ in try redis.cli("CONFIG", "SET", "maxmemory", "1") },
            end: { redis, _ in try redis.cli("CONFIG", "SET", "maxmemory", "0") }),
        Cause(
            code: "NOREPLICAS", begin: { redis, _ in try redis.cli("CONFIG", "SET", "min-replicas-to-write", "1") },
            end: { redis, _ in try redis.cli("CONFIG", "SET", "min-replicas-to-write", "0") }),
        Cause(
            code: "NOPERM", begin: { redis, _ in try redis.cli("ACL", "SETUSER", "default", "-hset") },
            end: { redis, _ in try redis.cli("ACL", "SETUSER", "default", "+@all") }),
        // Its folder is gone, so Redis cannot write a snapshot.
        Cause(
            code: "MISCONF", arguments: ["--save", "3600 1", "--enable-protected-configs", "yes"],
            begin: { redis, folder in
                try FileManager.default.removeItem(atPath: folder.path + "/data")
                try redis.cli("BGSAVE")
            },
            end: { redis, folder in
                try FileManager.default.createDirectory(
                    atPath: folder.path + "/data", withIntermediateDirectories: false)
                try redis.cli("CONFIG", "SET", "dir", folder.path + "/data")
                try redis.cli("BGSAVE")
            }),
    ]

    @Test(
        "refused writes are logged once with Redis's code, reported in STATUS, and 503 at /readyz",
        arguments: causes)
    func reported(cause: Cause) async throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/data", withIntermediateDirectories: false)
        let redis = try TestRedis(arguments: ["--dir", folder.path + "/data"] + cause.arguments)
        let sidecar = try await SidecarProcess(
            policy: Self.policy, arguments: ["--redis", "\(redis.address)", "--deadline", "10s", "--workers", "2"])
        let client = try sidecar.client()
        try await eventually { try await sidecar.ask("GET", "/readyz").status == 200 }
        #expect(try await client.ask("RECORD user=a tokens=1")[0] == "OK")

        try cause.begin(redis, folder)
        // Also while requests arrive.
        try await eventually { try await client.ask("CHECK user=a")[0].hasPrefix("ALLOW limit=") == false }
        let refused = try await client.ask("RECORD user=a requests=1", "RECORD user=b requests=1")
        #expect(refused == ["OK queued=1", "OK queued=1"])
        let info = try await client.ask("STATUS")[0]
        #expect(info.contains(#""refusal":{"code":"\#(cause.code)","reason":"\#(cause.code) "#), "\(info)")
        #expect(!info.contains("@user_script"), "\(info)")
        let readiness = try await sidecar.ask("GET", "/readyz")
        #expect(readiness.status == 503)
        #expect(
            readiness.body.hasPrefix(#"{"reasons":["Redis refuses writes: \#(cause.code) "#)
                && readiness.body.contains(#"],"status":"not_ready"}"#), "\(readiness.body)")

        try cause.end(redis, folder)
        try await eventually { try await sidecar.ask("GET", "/readyz").status == 200 }
        #expect(try await client.ask("STATUS")[0].contains("refusal") == false)
        // Journaled usage is counted once, and so is earlier usage.
        try await eventually { try redis.cli("HGET", "tollgate:user:b", "requests/31d.n") == "1" }
        let used = try await client.ask("PEEK user=b")[0]
        #expect(used.contains(" used=1 "), "\(used)")
        let log = sidecar.log
        #expect(log.components(separatedBy: "Redis refuses writes: \(cause.code) ").count == 2, "\(log)")
        #expect(log.components(separatedBy: "Redis takes writes again").count == 2, "\(log)")
        #expect(try await sidecar.stop() == 0)
    }

    @Test(
        "reads succeed meanwhile, also if Redis does not have the functions yet",
        arguments: causes.filter { $0.code != "NOPERM" })
    func reading(cause: Cause) async throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/data", withIntermediateDirectories: false)
        let redis = try TestRedis(arguments: ["--dir", folder.path + "/data"] + cause.arguments)
        let sidecar = try await SidecarProcess(
            policy: Self.policy, arguments: ["--redis", "\(redis.address)", "--deadline", "10s"])
        let client = try sidecar.client()
        #expect(try await client.ask("RECORD user=a requests=3", "RESERVE user=a ttl=1")[0] == "OK")
        try await Task.sleep(for: .milliseconds(1_100))
        try cause.begin(redis, folder)
        try await eventually { try await sidecar.ask("GET", "/readyz").status == 503 }
        for _ in 0..<2 {
            // A user whose settings must be looked up.
            let replies = try await client.ask("PEEK user=a", "USAGE scope=user:a", "PEEK user=\(UUID())")
            #expect(replies[0].hasPrefix("ALLOW limit=user:a/requests/31d max=1000 used=4 "), "\(replies)")
            #expect(replies[1].contains(#""used":4"#), "\(replies)")
            #expect(replies[2].hasPrefix("ALLOW limit=") && replies[2].contains(" used=0 "), "\(replies)")
            #expect(try await client.ask("CHECK user=a") == ["ALLOW degraded=1"])
            try redis.forgetFunctions()
        }
        try cause.end(redis, folder)
        try await eventually { try await client.ask("CHECK user=a")[0].contains(" used=") }
    }

    @Test("refused writes are detected without any requests")
    func idle() async throws {
        let redis = try TestRedis()
        let sidecar = try await SidecarProcess(policy: Self.policy, arguments: ["--redis", "\(redis.address)"])
        try await eventually { try await sidecar.ask("GET", "/readyz").status == 200 }
        try redis.cli("CONFIG", "SET", "min-replicas-to-write", "1")
        try await eventually { try await sidecar.ask("GET", "/readyz").status == 503 }
        #expect(try await sidecar.client().ask("STATUS")[0].contains(#""code":"NOREPLICAS""#))
    }
}

import Foundation
import Testing
import TollgateTestSupport

/// The built sidecar with a Redis older than 7: a proxy changes the version that a current Redis reports.
@Suite struct OldRedisTests {
    @Test(
        "decisions are ERR unavailable, usage is journaled and /readyz is 503 until Redis is upgraded"
    )
    func tooOld() async throws {
        let redis = try TestRedis()
        let proxy = try OldRedisProxy(to: redis)
        let sidecar = try await SidecarProcess(
            policy: "defaults: { user: { requests: { 31d: 1000 } } }",
            arguments: ["--redis", "unix://\(proxy.socketPath)", "--deadline", "10s"])
        try await eventually { try await sidecar.ask("GET", "/readyz").status == 200 }
        let client = try sidecar.client()
        #expect(try await client.ask("CHECK user=a")[0].hasPrefix("ALLOW limit="))

        proxy.setOld(true)
        let version = try redis.cli("INFO", "server").split(whereSeparator: \.isNewline)
            .first { $0.hasPrefix("redis_version:") }?.dropFirst("redis_version:7".count)
        let sentence = "Redis 6\(try #require(version)) is too old: Tollgate needs Redis 7.0 or later"
        try await eventually { try await client.ask("CHECK user=a")[0] == "ERR unavailable \(sentence)" }
        #expect(try await client.ask("RECORD user=a requests=1")[0] == "OK queued=1")
        let readiness = try await sidecar.ask("GET", "/readyz")
        #expect(readiness.status == 503)
        #expect(readiness.body.contains(sentence), "\(readiness.body)")
        #expect(try await client.ask("STATUS")[0].contains("unsupported: \(sentence)"))
        try await eventually { sidecar.log.contains("Redis cannot be used; retrying") }
        try await eventually { sidecar.log.contains(sentence) }

        proxy.setOld(false)
        try await eventually { try await sidecar.ask("GET", "/readyz").status == 200 }
        try await eventually { try redis.cli("HGET", "tollgate:user:a", "requests/31d.n") == "2" }
        #expect(try await sidecar.stop() == 0)
    }
}

import Foundation
import Testing
import TollgateTestSupport

/// The built sidecar with restricted Redis users.
@Suite struct RedisRightsTests {
    static let policy = "defaults: { user: { requests: { 31d: 1000 }, cost: { day: 5 } } }"

    /// Uses every feature of the sidecar that needs Redis.
    private func use(_ sidecar: SidecarProcess) async throws {
        try await eventually { try await sidecar.ask("GET", "/readyz").status == 200 }
        let client = try sidecar.client()
        let replies = try await client.ask(
            "CHECK user=a", "RECORD user=a cost=4 id=1", "PEEK user=a", "USAGE scope=user:a", "RESERVE user=b cost=0.1")
        #expect(replies[0].hasPrefix("ALLOW"))
        #expect(replies[1] == "OK warn=user:a/cost/day:80")
        #expect(replies[2].hasPrefix("ALLOW"))
        #expect(replies[3].contains(#""used":1"#))
        #expect(replies[4].hasPrefix("ALLOW"))
        try await eventually { try await sidecar.ask("GET", "/v1/alerts").body.contains(#""limit":"user:a/cost/day""#) }
    }

    @Test("functions are used if Redis permits them")
    func functions() async throws {
        let redis = try TestRedis(hasFunctions: true)
        let sidecar = try await SidecarProcess(
            policy: Self.policy, arguments: ["--redis", "\(redis.address)", "--workers", "2"])
        try await use(sidecar)
        #expect(try await sidecar.client().ask("STATUS")[0].contains(#""functions":"yes""#))
        #expect(!sidecar.log.contains("denies functions"))
        let commands = try redis.cli("INFO", "commandstats")
        #expect(commands.contains("cmdstat_fcall:") && !commands.contains("cmdstat_evalsha:"), "\(commands)")
    }

    @Test("without permission for functions, scripts are used, and STATUS and the log say so")
    func denied() async throws {
        let redis = try TestRedis(hasFunctions: false)
        let sidecar = try await SidecarProcess(
            policy: Self.policy, arguments: ["--redis", "\(redis.address)", "--workers", "2"])
        try await use(sidecar)
        #expect(try await sidecar.client().ask("STATUS")[0].contains(#""functions":"no (evalsha)""#))
        try await eventually { sidecar.log.contains("Redis denies functions") }
        #expect(sidecar.log.components(separatedBy: "Redis denies functions").count == 2, "\(sidecar.log)")
        let commands = try redis.cli("INFO", "commandstats")
        #expect(!commands.contains("cmdstat_fcall:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0"))
        #expect(commands.contains("cmdstat_evalsha:"), "\(commands)")
    }

    @Test("the documented permissions are sufficient")
    func documented() async throws {
        let page = try String(contentsOfFile: "docs/operations.md", encoding: .utf8)
        let line = try #require(page.split(separator: "\n").first { $0.hasPrefix("ACL SETUSER ") })
        let redis = try TestRedis(hasFunctions: true)
        #expect(try redis.cli(line.split(separator: " ").map(String.init)) == "OK")
        let sidecar = try await SidecarProcess(
            policy: Self.policy, arguments: ["--redis", "unix://tollgate:SECRET@\(redis.socketPath)"])
        try await use(sidecar)
        let health = try await sidecar.client().ask("STATUS")[0]
        #expect(health.contains(#""functions":"yes""#) && health.contains(#""warnings":["#), "\(health)")
        #expect(!sidecar.log.contains("NOPERM"), "\(sidecar.log)")
        let denied = try redis.cli("ACL", "LOG")
        #expect(denied.isEmpty, "\(denied)")
    }

    @Test("a sidecar deletes the library of an unused version", arguments: [true, false])
    func unusedLibrary(mayDelete: Bool) async throws {
        let redis = try TestRedis(hasFunctions: true)
        let text = "#!lua name=tollgate_0\nredis.register_function('tollgate_0_f', function() return 1 end)"
        #expect(try redis.cli("FUNCTION", "LOAD", text) == "tollgate_0")
        try redis.cli("HSET", "tollgate:{policy}:libraries", "tollgate_0", "1")
        if !mayDelete { try redis.cli("ACL", "SETUSER", "default", "-function|delete") }
        let sidecar = try await SidecarProcess(policy: Self.policy, arguments: ["--redis", "\(redis.address)"])
        #expect(try await sidecar.client().ask("CHECK user=a")[0].hasPrefix("ALLOW"))
        try await eventually { try redis.hash("tollgate:{policy}:libraries").keys.contains { $0.count > 20 } }
        if mayDelete {
            try await eventually { try !redis.cli("FUNCTION", "LIST").contains("tollgate_0\n") }
            try await eventually { try redis.hash("tollgate:{policy}:libraries").count == 1 }
        } else {
            try await eventually { sidecar.log.contains("denies FUNCTION DELETE: NOPERM") }
        }
        #expect(try await sidecar.client().ask("CHECK user=a")[0].contains(" used=2 "))
    }
}

import NIOCore
import Testing
import TollgateRedis
import TollgateTestSupport

@testable import TollgateServer

/// The health of Redis in STATUS.
@Suite struct RedisHealthTests {
    @Test("settings that can cause data loss are reported")
    func warnings() async throws {
        let redis = try TestRedis(arguments: ["--maxmemory-policy", "allkeys-lru"])
        try await withServer(redis: redis) { harness in
            try await eventually { await harness.sidecar.report().redis.health.warnings.count == 2 }
            let warnings = await harness.sidecar.report().redis.health.warnings
            #expect(warnings[0].hasPrefix("Redis's maxmemory-policy is allkeys-lru: counters may be evicted"))
            #expect(warnings[1].hasPrefix("Redis has no persistence: a restart loses every counter"))
            try redis.cli("CONFIG", "SET", "maxmemory-policy", "noeviction", "appendonly", "yes")
            try await eventually { await harness.sidecar.report().redis.health.warnings.isEmpty }
        }
    }

    @Test("FLUSHALL and a restart without persistence are reported as data loss; a restart with it is not")
    func dataLoss() async throws {
        try await withServer { harness in
            func losses() async -> Int { await harness.sidecar.report().redis.health.dataLosses }
            try await eventually { try harness.redis.cli("EXISTS", "tollgate:{policy}:marker") == "1" }
            try await Task.sleep(for: .milliseconds(100))
            try harness.redis.cli("FLUSHALL")
            try await eventually { await losses() == 1 }
            try harness.redis.cli("CONFIG", "SET", "appendonly", "yes", "appendfsync", "always")
            try await eventually {
                try harness.redis.cli("INFO", "persistence").contains("aof_rewrite_in_progress:0")
            }
            harness.redis.stop()
            try harness.redis.start()
            try await harness.waitForRedis()
            try await eventually { await losses() == 2 }
            #expect(await harness.sidecar.report().redis.health.lastDataLoss != nil)
        }
    }

    @Test(
        "the settings of Redis are read from its replies",
        arguments: [
            ("maxmemory_policy:noeviction\r\naof_enabled:1\r\nrole:master\r\n", "", 0),
            ("maxmemory_policy:noeviction\r\naof_enabled:0\r\nrole:master\r\n", "3600 1", 1),
            ("maxmemory_policy:volatile-ttl\r\naof_enabled:0\r\nrole:slave\r\n", "", 3), ("nonsense", "", 0),
        ])
    func settings(info: String, save: String, warnings: Int) {
        let saving = RedisReply.array([.bulk(ByteBuffer(string: "save")), .bulk(ByteBuffer(string: save))])
        #expect(RedisServerSettings(info: info, saving: saving).findings.count == warnings)
    }
}

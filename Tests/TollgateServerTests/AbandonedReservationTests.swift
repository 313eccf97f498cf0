import Foundation
import Testing
import TollgateTestSupport

/// A RESERVE that got an error although Redis may have applied it.
@Suite struct AbandonedReservationTests {
    static let policy = """
        thresholds: []
        on_redis_failure: { cost: closed }
        defaults: { user: { requests: { 1h: 100 }, cost: { total: 10 } }, tool: { concurrent: 1, requests: { total: 100 } } }
        """

    @Test("the hold of an abandoned RESERVE is freed and its request is refunded, once")
    func givenUp() async throws {
        let redis = try TestRedis()
        let sidecar = try await SidecarProcess(policy: Self.policy, arguments: ["--redis", "\(redis.address)"])
        let client = try sidecar.client()
        #expect(try await client.ask("RESERVE user=a tool=t cost=4 ttl=1", "CHECK user=b")[0].hasPrefix("ALLOW"))
        try await eventually { try await client.ask("PEEK user=a tool=t cost=10")[0].hasPrefix("ALLOW") }
        redis.freeze(true)
        let replies = try await client.ask(
            "RESERVE user=a tool=t cost=6 ttl=3600", "RECORD user=b cost=1", "RESERVE user=c tool=t cost=5 ttl=3600")
        redis.freeze(false)
        #expect(replies[0].hasPrefix("ERR unavailable"))
        #expect(replies[1] == "OK queued=1")
        #expect(replies[2].hasPrefix("ERR unavailable"))
        try await eventually { try await client.ask("STATUS")[0].contains(#""operations":0,"rejected""#) }
        #expect(try redis.hash("tollgate:user:a")["held"] == nil)
        #expect(try redis.hash("tollgate:tool:t")["held"] == nil)
        #expect(try redis.hash("tollgate:user:a")["requests/1h.n"] == "1")
        #expect(try redis.hash("tollgate:tool:t")["requests/total"] == "1")
        #expect(try redis.hash("tollgate:user:b")["cost/total"] == "1000000000")
        #expect(try await client.ask("RESERVE user=a tool=t cost=10")[0].hasPrefix("ALLOW"))
        #expect(try await sidecar.stop() == 0)
    }

    @Test("a RESERVE that never reached Redis refunds nothing")
    func neverSent() async throws {
        let redis = try TestRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        let sidecar = try await SidecarProcess(policy: Self.policy, arguments: ["--redis", "\(redis.address)"])
        let client = try sidecar.client()
        let taken = Array(repeating: "CHECK user=a tool=t", count: 5)
        #expect(try await client.ask(taken).allSatisfy { $0.hasPrefix("ALLOW") })
        redis.freeze(true)
        let reply = Task { try await client.ask("RESERVE user=a tool=t cost=6 ttl=3600")[0] }
        try await Task.sleep(for: .milliseconds(100))
        redis.stop()
        #expect(try await reply.value.hasPrefix("ERR unavailable"))
        try redis.start()
        try await eventually {
            let info = try await client.ask("STATUS")[0]
            return info.contains(#""operations":0,"rejected""#) && info.contains(#""links":["ready""#)
        }
        #expect(try redis.hash("tollgate:tool:t")["requests/total"] == "5")
        #expect(try redis.hash("tollgate:user:a")["requests/1h.n"] == "5")
        #expect(try await sidecar.stop() == 0)
    }
}

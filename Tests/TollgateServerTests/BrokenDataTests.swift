import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// Corrupt keys in Redis, and a Redis that refuses writes.
@Suite struct BrokenDataTests {
    static let policy = """
        history: [user, tool]
        defaults:
          user: { requests: { 1h: 100 } }
          tool: { requests: { 1h: 100 } }
        """

    @Test("a key of the wrong type is an error for its scope only")
    func wrongType() async throws {
        try await withServer(policy: Self.policy) { harness in
            try harness.redis.cli("SET", "tollgate:user:x", "not a hash")
            let broken = "ERR internal the key of user:x in Redis is not a hash"
            let replies = try await harness.ask(
                "CHECK user=y", "CHECK user=x", "CHECK user=x tool=t", "RECORD user=x requests=1",
                "CHECK user=y tool=t",
                "USAGE scope=user:x",
                "PEEK user=y")
            #expect(replies[0].hasPrefix("ALLOW limit=user:y/requests/1h max=100 used=1 "))
            #expect(replies[1...3].allSatisfy { $0 == broken })
            #expect(replies[4].hasPrefix("ALLOW limit=user:y/requests/1h max=100 used=2 "))
            #expect(replies[5] == broken)
            #expect(replies[6].hasPrefix("ALLOW limit=user:y/requests/1h max=100 used=2 "))
            // Nothing of a request with a broken scope was applied.
            #expect(try harness.redis.hash("tollgate:tool:t")["requests/1h.n"] == "1")
            #expect(try harness.redis.cli("GET", "tollgate:user:x") == "not a hash")
            try harness.redis.cli("DEL", "tollgate:user:x")
            #expect(
                try await harness.ask("CHECK user=x")[0].hasPrefix("ALLOW limit=user:x/requests/1h max=100 used=1 "))
        }
    }

    @Test("history of the wrong type is lost; the decision is made")
    func wrongHistory() async throws {
        try await withServer(policy: Self.policy) { harness in
            func expectCounted(from first: Int, _ location: SourceLocation = #_sourceLocation) async throws {
                let replies = try await harness.ask("CHECK user=x", "RECORD user=x requests=1", "CHECK user=x")
                #expect(replies.map { $0.prefix { $0 != " " } } == ["ALLOW", "OK", "ALLOW"], sourceLocation: location)
                let counter = try harness.redis.hash("tollgate:user:x")["requests/1h.n"]
                #expect(counter == "\(first + 2)", sourceLocation: location)
            }
            let today = Date.now.ISO8601Format(.iso8601.year().month().day())
            for page in [today, Date.now.addingTimeInterval(60).ISO8601Format(.iso8601.year().month().day())] {
                try harness.redis.cli("SET", "tollgate:user:x:day:\(page)", "not a hash")
            }
            try await expectCounted(from: 1)
            try harness.redis.cli("HSET", "tollgate:user:x", "history/requests", "not a number")
            try await expectCounted(from: 4)
            try harness.redis.cli("HSET", "tollgate:user:x", "history", "not a day")
            try await expectCounted(from: 7)
            // A finished day cannot be moved to a key of the wrong type.
            try harness.redis.cli("SET", "tollgate:user:x:day:2026-11-20", "not a hash")
            try harness.redis.cli("SET", "tollgate:user:x:month:2026-11", "not a hash")
            let earlier = "2026-11-20 1795219200000 2026-11 1796083200000 0 0 0"
            try harness.redis.cli("HSET", "tollgate:user:x", "history", earlier)
            try await expectCounted(from: 10)
        }
    }

    @Test("counters that are not numbers count as 0")
    func nonsenseCounters() async throws {
        try await withServer(policy: Self.policy) { harness in
            try harness.redis.cli(
                "HSET", "tollgate:user:x", "requests/1h.n", "many", "requests/1h.b", "-1e999", "requests/1h.r",
                "a b c")
            let replies = try await harness.ask("CHECK user=x", "CHECK user=x", "USAGE scope=user:x", "CHECK user=y")
            #expect(replies.allSatisfy { $0.hasPrefix("ALLOW") || $0.hasPrefix("{") })
        }
    }

    @Test("a full Redis is an outage: no decision is invented, and nothing is written in part")
    func outOfMemory() async throws {
        try await withServer(policy: Self.policy + "\n  team: { cost: { day: 5 } }\n") { harness in
            #expect(try await harness.ask("CHECK user=x")[0].contains("used=1 "))
            try harness.redis.cli("CONFIG", "SET", "maxmemory", "1")
            let replies = try await harness.ask("CHECK user=x", "CHECK team=t user=x", "RECORD user=x requests=1")
            #expect(replies[0] == "ALLOW degraded=1")
            #expect(replies[1].hasPrefix("ERR unavailable Redis: OOM "))
            #expect(replies[2] == "OK queued=1")
            try harness.redis.cli("CONFIG", "SET", "maxmemory", "0")
            try await eventually { await harness.sidecar.report().journal?.operations == 0 }
            #expect(try await harness.ask("CHECK user=x")[0].contains("used=3 "))
        }
    }

    @Test("a full Redis is an outage also for scopes that only have history")
    func outOfMemoryForHistory() async throws {
        try await withServer(policy: "defaults: { user: { requests: { 1h: 5 } } }") { harness in
            try harness.redis.cli("CONFIG", "SET", "maxmemory", "1")
            let replies = try await harness.ask("CHECK tool=search", "RECORD tool=search cost=1")
            #expect(replies == ["ALLOW degraded=1", "OK queued=1"])
        }
    }

    @Test("a Redis that has become a replica is an outage, until it is a master again")
    func readOnly() async throws {
        try await withServer(policy: Self.policy) { harness in
            #expect(try await harness.ask("CHECK user=x")[0].contains("used=1 "))
            try harness.redis.cli("REPLICAOF", "127.0.0.1", "1")
            let replies = try await harness.ask("CHECK user=x", "RECORD user=x requests=1")
            #expect(replies == ["ALLOW degraded=1", "OK queued=1"])
            try harness.redis.cli("REPLICAOF", "NO", "ONE")
            try await eventually { await harness.sidecar.report().journal?.operations == 0 }
            try await eventually { try await harness.ask("PEEK user=x")[0].contains("used=2 ") }
        }
    }
}

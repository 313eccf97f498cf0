import Foundation
import NIOCore
import Testing
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

/// The enforcement of administrators' settings.
@Suite struct SharedPolicyTests {
    static let policy = """
        defaults: { user: { requests: { 1h: 100 } }, user+tool: { requests: { 1h: 50 } } }
        tiers:
          basic: { limits: { cost: { month: 100 } } }
          premium: { limits: { cost: { day: 20, month: 500 } } }
        assignments:
          - { role: Faculty, tier: premium }
          - { email_domain: example.com, tier: premium }
          - { default: true, tier: basic }
        """
    static let author = Author(name: "test", address: "here")

    private func requests(_ max: Int64) -> [Limit] { [Limit(.requests, .sliding(seconds: 3_600), max: max)] }

    @Test("roles and email choose the tier, and replies name it")
    func tiers() async throws {
        try await withServer(policy: Self.policy) { harness in
            let replies = try await harness.ask(
                "PEEK user=a cost=100.01", "PEEK user=a cost=20.01 roles=Student,Faculty",
                "PEEK user=a cost=20 roles=Faculty", "PEEK user=a cost=30 email=a@sub.example.com",
                "PEEK user=a cost=30 email=a@EXAMPLE.com", "PEEK tool=t cost=1000 roles=Faculty")
            #expect(
                replies.map { $0.replacing(/retry_after=[0-9.]+/, with: "retry_after=N") }
                    == [
                        "DENY reason=quota_exceeded limit=user:a/cost/month max=100 used=0 remaining=100 source=tier:basic",
                        "DENY reason=quota_exceeded limit=user:a/cost/day max=20 used=0 remaining=20 source=tier:premium",
                        replies[2], replies[3],
                        "DENY reason=quota_exceeded limit=user:a/cost/day max=20 used=0 remaining=20 source=tier:premium",
                        "ALLOW",
                    ])
            #expect(replies[2].hasPrefix("ALLOW limit=user:a/"))
            #expect(replies[3].hasPrefix("ALLOW limit=user:a/"))
            let usage = try await harness.ask("USAGE scope=user:a roles=Faculty", "USAGE scope=user:a")
            #expect(usage[0].contains(#""source":"tier:premium via role:Faculty""#))
            #expect(usage[1].contains(#""source":"tier:basic via default""#))
        }
    }

    @Test("a change of tier, limit or override applies at once to existing usage, which stays")
    func changesKeepCounters() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            #expect(try await client.ask("RECORD user=a cost=60", "CHECK user=a", "CHECK user=a").first == "OK")
            let user = try Scope(parsing: "user:a")
            let premium = Assignment(.user(user), tier: "premium", origin: .admin)
            try await harness.edit(.setAssignment(premium, tierIsInFile: true), of: user)
            // The limit of the day is new and counts from now on. The month has been counted before.
            let usage = try await client.ask("USAGE scope=user:a")[0]
            #expect(usage.contains(#""limit":"cost/month","max":"500","mode":"enforce","percent":12,"#))
            #expect(usage.contains(#""source":"tier:premium via user","used":"60"}"#))

            try await harness.edit(.setLimits(user, requests(2)), of: user)
            #expect(
                try await client.ask("CHECK user=a")[0].hasPrefix(
                    "DENY reason=rate_limited limit=user:a/requests/1h max=2 used=2 remaining=0 "))
            let more = Override(
                additions: [.init(.requests, .sliding(seconds: 3_600), amount: 1)],
                expiresAt: await harness.sidecar.redisTime / 1_000 * 1_000 + 3_600_000, reason: "test")
            try await harness.edit(.setOverride(user, more), of: user)
            let replies = try await client.ask("CHECK user=a", "CHECK user=a")
            #expect(replies[0].hasPrefix("ALLOW limit=user:a/requests/1h max=3 used=3 remaining=0 "))
            #expect(replies[1].hasPrefix("DENY reason=rate_limited") && replies[1].hasSuffix(" source=override"))
            try await harness.edit(.clearOverride(user), of: user)
            try await harness.edit(.deleteLimits(user), of: user)
            #expect(try await client.ask("CHECK user=a")[0].hasPrefix("ALLOW"))
            #expect(
                try await client.ask("USAGE scope=user:a")[0].contains(
                    #""limit":"requests/1h","max":100,"mode":"enforce","percent":4,"#))
        }
    }

    @Test("an override ends by Redis's clock within the second")
    func overrideEnds() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            let user = try Scope(parsing: "user:a")
            _ = try await client.ask("PING")
            let ends = (await harness.sidecar.redisTime / 1_000 + 2) * 1_000
            let override = Override(limits: requests(7), expiresAt: ends, reason: "test")
            try await harness.edit(.setOverride(user, override), of: user)
            var before = 0
            while true {
                let asked = try harness.redis.now
                let reply = try await client.ask("PEEK user=a")[0]
                let answered = try harness.redis.now
                if answered < ends {
                    before += 1
                    #expect(reply.contains(" max=7 "))
                }
                if asked >= ends + 20 {
                    #expect(reply.contains(" max=100 "))
                    break
                }
            }
            #expect(before > 0)
        }
    }

    @Test("a reset clears the limits that it names and leaves the history")
    func reset() async throws {
        try await withServer(policy: "history: [user]\n" + Self.policy) { harness in
            let client = try harness.client()
            let user = try Scope(parsing: "user:a")
            _ = try await client.ask("RECORD user=a cost=60 requests=5", "RESERVE user=a cost=7")
            let runningDay = { try harness.redis.hash("tollgate:user:a").filter { $0.key.hasPrefix("history") } }
            let history = try runningDay()
            #expect(history["history/cost"] == "60000000000")
            let store = harness.sidecar.stores.policy
            #expect(
                try await store.reset(user, limits: [(.cost, .month)], by: Self.author) == ["cost/month"])
            let usage = try await client.ask("USAGE scope=user:a")[0]
            #expect(usage.contains(#""held":"7","limit":"cost/month""#) && usage.contains(#""used":"0""#))
            #expect(usage.contains(#""limit":"requests/1h","max":100"#) && usage.contains(#""used":6"#))
            #expect(try await store.reset(user, limits: nil, by: Self.author) == ["requests/1h"])
            #expect(try await client.ask("USAGE scope=user:a")[0].contains(#""used":0"#))
            #expect(try runningDay() == history)
            #expect(try harness.redis.cli("PTTL", "tollgate:user:a") != "-1")
        }
    }

    @Test("a reservation is committed by the tier of its RESERVE")
    func reservations() async throws {
        try await withServer(policy: Self.policy) { harness in
            let reserved = try await harness.ask("RESERVE user=a cost=15 roles=Faculty email=a@b.c")[0]
            let token = try #require(reserved.split(separator: "reservation=").last)
            #expect(try await harness.ask("COMMIT reservation=\(token) cost=12") == ["OK"])
            #expect(try harness.redis.hash("tollgate:user:a")["cost/day"] == "12000000000")
            let denied = try await harness.ask("PEEK user=a roles=Faculty cost=9", "PEEK user=a cost=9")
            #expect(denied[0].contains("limit=user:a/cost/day max=20 used=12 "))
            #expect(denied[1].hasPrefix("ALLOW"))
        }
    }

    @Test("a RECORD during an outage is counted by the tier of its roles")
    func journal() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.deadline = .seconds(1) }) { harness in
            let client = try harness.client()
            _ = try await client.ask("PEEK user=a roles=Faculty")
            harness.redis.stop()
            try await eventually {
                await harness.sidecar.report().redis.links.allSatisfy { $0.hasPrefix("down: ") }
            }
            // A cached user, and an unknown one.
            #expect(
                try await client.ask("RECORD user=a cost=3 roles=Faculty", "RECORD user=b cost=4 email=b@example.com")
                    == ["OK queued=1", "OK queued=1"])
            try harness.redis.start()
            for (user, cost) in [("a", "3000000000"), ("b", "4000000000")] {
                try await eventually(within: .seconds(20)) {
                    try harness.redis.hash("tollgate:user:\(user)")["cost/day"] == cost
                }
            }
        }
    }

    @Test("requests that wait for lookups keep their order and their replies")
    func order() async throws {
        try await withServer(policy: Self.policy) { harness in
            for round in 0..<20 {
                let client = try harness.client()
                let lines = (0..<20).flatMap { number in
                    [
                        "RECORD user=u\(round)-\(number) tool=t\(number) requests=\(number + 1)",
                        "PEEK user=u\(round)-\(number)", "PEEK user=u\(round)-\(number % 7)", "PING",
                    ]
                }
                let replies = try await client.ask(lines)
                for number in 0..<20 {
                    #expect(replies[4 * number] == "OK")
                    #expect(replies[4 * number + 1].contains(" used=\(number + 1) "))
                    #expect(replies[4 * number + 2].contains(" used=\(number % 7 + 1) "))
                    #expect(replies[4 * number + 3] == "PONG")
                }
            }
        }
    }

    @Test("each scope is looked up once, by one HGETALL, and then cached; STATUS shows the hit rate")
    func lookups() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.workers = 1 }) { harness in
            try await harness.edit(
                .setLimits(Scope(parsing: "user:first"), requests(3)), of: Scope(parsing: "user:first"))
            let client = try harness.client()
            _ = try await client.ask("PEEK user=first")
            let monitor = try await RedisMonitor(harness.redis)
            let lines = (0..<500).map { "CHECK user=u\($0)" }
            _ = try await client.ask(lines)
            #expect(try await monitor.lookups() == 500)
            let before = await harness.sidecar.report().counts
            _ = try await client.ask(lines)
            #expect(try await monitor.lookups() == 500)
            let after = await harness.sidecar.report().counts
            #expect(after.scopesResolved - before.scopesResolved == 1_000)
            #expect(after.scopesLookedUp == before.scopesLookedUp)
            let rate = try #require(await harness.sidecar.report().cacheHitRate)
            #expect(rate > 0.74 && rate < 0.76)
            try await eventually { try harness.redis.cli("ZCARD", "tollgate:{policy}:seen:user") == "501" }
            // No tool has settings.
            _ = try await client.ask((0..<100).map { "CHECK user=first tool=t\($0)" })
            #expect(try await monitor.lookups() == 500)
        }
    }

    @Test("settings that change during a lookup are looked up again")
    func outdatedLookup() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.workers = 1 }) { harness in
            try await harness.edit(
                .setLimits(Scope(parsing: "user:first"), requests(3)), of: Scope(parsing: "user:first"))
            let client = try harness.client()
            _ = try await client.ask("PEEK user=first")
            let monitor = try await RedisMonitor(harness.redis)
            harness.redis.freeze(true)
            try await client.send("PEEK user=a\n")
            // After its reply, the lookup has been sent.
            _ = try await harness.ask("STATUS")
            await harness.sidecar.settingsChanged(of: try Scope(parsing: "user:a"))
            harness.redis.freeze(false)
            #expect(try await client.readLine()?.hasPrefix("ALLOW") == true)
            #expect(try await monitor.lookups() == 2)
        }
    }

    @Test("writes without a limited scope are replayed from the journal as well")
    func journalWithoutScopes() async throws {
        try await withServer(policy: "kinds: [session]", adjust: { $0.deadline = .seconds(1) }) { harness in
            let client = try harness.client()
            _ = try await client.ask("PEEK session=a")
            harness.redis.stop()
            try await eventually {
                await harness.sidecar.report().redis.links.allSatisfy { $0.hasPrefix("down: ") }
            }
            #expect(try await client.ask("RECORD session=a requests=1 id=once") == ["OK queued=1"])
            try harness.redis.start()
            try await eventually { await harness.sidecar.report().journal?.operations == 0 }
        }
    }

    @Test("when Redis has lost its data, cached settings are dropped")
    func dataLost() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.workers = 1 }) { harness in
            let user = try Scope(parsing: "user:a")
            try await harness.edit(.setLimits(user, requests(7)), of: user)
            #expect(try await harness.ask("PEEK user=a")[0].contains(" max=7 "))
            // The marker has to be there for the loss to be noticed.
            try await eventually { try harness.redis.cli("EXISTS", "tollgate:{policy}:marker") == "1" }
            try harness.redis.cli("FLUSHALL")
            try await eventually { try await harness.ask("PEEK user=a")[0].contains(" max=100 ") }
        }
    }

    @Test("limits of a composite scope of a new kind apply as soon as they are set")
    func newCompositeKind() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            #expect(try await client.ask("CHECK user=a team=t")[0].hasPrefix("ALLOW"))
            let pair = try Scope(parsing: "user:a+team:t")
            try await harness.edit(.setLimits(pair, requests(0)), of: pair)
            #expect(
                try await client.ask("CHECK user=a team=t")[0].hasPrefix("DENY reason=blocked limit=user:a+team:t/"))
            #expect(try await client.ask("CHECK user=a team=other")[0].hasPrefix("ALLOW"))
        }
    }
}

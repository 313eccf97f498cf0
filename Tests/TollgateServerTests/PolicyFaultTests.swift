import Testing
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateServer
@testable import TollgateStores

/// Requests while the administrators' settings are corrupt, not known yet, or unreadable.
@Suite struct PolicyFaultTests {
    private func requests(_ max: Int64) -> [Limit] { [Limit(.requests, .sliding(seconds: 3_600), max: max)] }

    @Test("corrupt settings are an error for their scope only")
    func brokenSettings() async throws {
        try await withServer(policy: SharedPolicyTests.policy) { harness in
            let user = try Scope(parsing: "user:a")
            try await harness.edit(.setLimits(user, requests(0)), of: user)
            try harness.redis.cli("HSET", "tollgate:{policy}:scope:user:a", "override", "nonsense")
            try harness.redis.cli("SET", "tollgate:{policy}:scope:user:b", "nonsense")
            await harness.sidecar.settingsChanged(of: user)
            let replies = try await harness.ask(
                "CHECK user=a", "RECORD user=a cost=1", "USAGE scope=user:a", "CHECK user=b", "CHECK user=c")
            for reply in replies.prefix(4) {
                #expect(reply.hasPrefix("ERR internal the stored settings of user:"))
            }
            #expect(replies[4].hasPrefix("ALLOW limit=user:c/"))
            try harness.redis.cli("HDEL", "tollgate:{policy}:scope:user:a", "override")
            #expect(try await harness.ask("CHECK user=a")[0].hasPrefix("DENY reason=blocked"))
        }
    }

    @Test("a corrupt tier leaves the policy in force; at the start it fails all requests")
    func brokenTiers() async throws {
        try await withServer(policy: SharedPolicyTests.policy) { harness in
            try await harness.edit(
                .setTier(Tier(id: "basic", limits: [Limit(.cost, .month, max: 7_000_000_000)])), of: nil)
            try harness.redis.cli("HSET", "tollgate:{policy}:tiers", "other", "nonsense")
            try harness.redis.cli("PUBLISH", "tollgate:{policy}:changes", "9 shared")
            #expect(try await harness.ask("PEEK user=a cost=8")[0].contains("/cost/month max=7 "))
            let late = try await ServerHarness(
                policy: SharedPolicyTests.policy, redis: harness.redis, waitsForRedis: false)
            try await eventually {
                try await late.ask("CHECK user=a")[0].hasPrefix(
                    "ERR internal the administrator settings are malformed: tollgate:{policy}:tiers, field other: ")
            }
            try harness.redis.cli("HDEL", "tollgate:{policy}:tiers", "other")
            try await eventually { try await late.ask("PEEK user=a cost=8")[0].contains("/cost/month max=7 ") }
            await late.stop()
        }
    }

    @Test("before tiers are known every reply is degraded, whichever connection comes first")
    func startsWithTiers() async throws {
        let redis = try TestRedis(arguments: ["--save", "", "--appendonly", "no"])
        try await withServer(policy: "", redis: redis) { harness in
            let blocked = Tier(id: "blocked", limits: [Limit(.requests, .month, max: 0)])
            try await harness.edit(.setTier(blocked), of: nil)
            let everyone = Assignment(.everyone, tier: "blocked", origin: .admin)
            try await harness.edit(.setAssignment(everyone, tierIsInFile: false), of: nil)
            for _ in 0..<5 {
                let late = try await ServerHarness(policy: "", redis: redis, waitsForRedis: false)
                let client = try late.client()
                for number in 0..<50 {
                    let reply = try await client.ask("CHECK user=u\(number)")[0]
                    #expect(reply.hasPrefix("DENY reason=blocked") || reply.contains("degraded=1"), "\(reply)")
                }
                await late.stop()
            }
        }
    }

    @Test("a Redis that denies lookups of settings is an error, not an outage")
    func refusedLookups() async throws {
        try await withServer(policy: SharedPolicyTests.policy) { harness in
            let user = try Scope(parsing: "user:first")
            try await harness.edit(.setLimits(user, requests(3)), of: user)
            #expect(try await harness.ask("PEEK user=a")[0].hasPrefix("ALLOW"))
            try harness.redis.cli("ACL", "SETUSER", "default", "resetkeys", "~tollgate:user:*")
            #expect(try await harness.ask("CHECK user=b")[0].hasPrefix("ERR internal "))
            try harness.redis.cli("ACL", "SETUSER", "default", "~*")
            #expect(try await harness.ask("CHECK user=b")[0].hasPrefix("ALLOW"))
        }
    }

    @Test("a corrupt tier does not keep a scope's limit from being enforced, not even the first of its kind")
    func brokenTierAndNewKind() async throws {
        try await withServer(policy: SharedPolicyTests.policy) { harness in
            _ = try await harness.ask("CHECK user=a tool=t")
            try harness.redis.cli("HSET", "tollgate:{policy}:tiers", "other", "nonsense")
            try harness.redis.cli("CLIENT", "KILL", "TYPE", "pubsub")
            for scope in ["tool:t", "user:a+team:x"] {
                let scope = try Scope(parsing: scope)
                _ = try await harness.sidecar.stores.policy.apply(
                    .setLimits(scope, requests(0)), if: .absent, by: SharedPolicyTests.author)
                await harness.sidecar.settingsChanged(of: scope)
            }
            try await eventually {
                try await harness.ask("CHECK user=a tool=t")[0].hasPrefix("DENY reason=blocked limit=tool:t/")
            }
            #expect(
                try await harness.ask("CHECK user=a team=x")[0].hasPrefix("DENY reason=blocked limit=user:a+team:x/"))
        }
    }
}

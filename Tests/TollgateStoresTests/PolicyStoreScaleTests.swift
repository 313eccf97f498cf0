import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct PolicyStoreScaleTests {
    @Test("with 100 000 assigned users, a lookup is one HGETALL, and no command scans keys")
    func manyUsers() async throws {
        try await PolicyStoreHarness.with { harness in
            let keys = harness.keys
            try await harness.apply(.setTier(Tier(id: "gold")))
            let fill = """
                for i = 1, 100000 do
                    redis.call('HSET', KEYS[1] .. i, 'assignment', '{"item":{"tier":"gold"},"order":1,"version":1}')
                    redis.call('ZADD', KEYS[2], 0, 'user:u' .. i)
                end
                redis.call('HSET', KEYS[3], 'gold', 100000)
                """
            try harness.redis.cli(
                "EVAL", fill, "3", keys.settings(of: "user:u"), keys.assignmentIndex, keys.assigned)
            try harness.redis.cli("CONFIG", "RESETSTAT")
            for number in 1...500 {
                let settings = try await harness.store.settings(of: Scope(parsing: "user:u\(number * 200)"))
                #expect(settings.settings.assignment?.tier == "gold")
            }
            #expect(try commandCounts(harness.redis)["hgetall"] == 500)

            try await harness.expectRefusal(.inUse(100_000), of: .deleteTier("gold", isInFile: false), if: .any)
            let alice = Assignment.Subject.user(try Scope(parsing: "user:alice"))
            try await harness.apply(.setAssignment(Assignment(alice, tier: "gold"), tierIsInFile: false))
            let first = try await harness.store.assignments(after: nil, atMost: 1_000)
            let second = try await harness.store.assignments(after: first.next, atMost: 1_000)
            #expect(first.items.count == 1_000 && second.items.count == 1_000)
            _ = try await harness.store.scopesSeen(kind: ScopeKind(parsing: "user"), after: nil, atMost: 100)
            _ = try await harness.store.shared()
            _ = try await harness.store.auditLog.entries(before: nil, atMost: 100)
            _ = try await harness.store.reset(Scope(parsing: "user:u1"), limits: nil, by: PolicyStoreHarness.author)
            let counts = try commandCounts(harness.redis)
            #expect(counts[TestRedis.luaCommand] == 4)
            let scans = counts.keys.filter {
                $0.contains("scan") || ["keys", "hkeys", "sort"].contains($0)
            }
            #expect(scans.isEmpty, "\(scans)")
        }
    }

    @Test("the maximum of shared settings is read in one transaction")
    func maxShared() async throws {
        try await PolicyStoreHarness.with { harness in
            let fill = """
                local limits = '{"limits":{"cost":{"day":"5","month":"100.5"},"requests":{"1m":60}}}'
                for i = 1, ARGV[1] do
                    redis.call('HSET', KEYS[1], 't' .. i, '{"item":' .. limits .. ',"order":1,"version":1}')
                end
                for i = 1, ARGV[2] do
                    redis.call('HSET', KEYS[2], 'role:r' .. i, '{"item":{"tier":"t1"},"order":1,"version":1}')
                end
                """
            let (tiers, assignments) = (SharedPolicy.maxTiers, SharedPolicy.maxAssignments)
            try harness.redis.cli(
                "EVAL", fill, "2", harness.keys.tiers, harness.keys.assignments, "\(tiers)", "\(assignments)")
            let shared = try await harness.store.shared()
            #expect(shared.tiers.count == tiers && shared.assignments.count == assignments)
            await #expect(throws: StoreError.tooMany("at most 1000 tiers can be set")) {
                try await harness.apply(.setTier(Tier(id: "more")))
            }
        }
    }

    @Test("every change is published on the channel with its number and its scope")
    func published() async throws {
        try await PolicyStoreHarness.with { harness in
            let messages = Mutex<[String]>([])
            let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
            let isLive = Atomic(false)
            let subscription = try await eventLoop.submit {
                let subscription = RedisSubscription(
                    address: harness.redis.address, channel: harness.keys.changes, eventLoop: eventLoop,
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                return NIOLoopBound(subscription, eventLoop: eventLoop)
            }.get()
            try await eventLoop.submit {
                subscription.value.onSubscribed = { isLive.store(true, ordering: .relaxed) }
                subscription.value.onMessage = { text in messages.withLock { $0.append(text) } }
                subscription.value.start()
            }.get()
            try await eventually { isLive.load(ordering: .relaxed) }
            let scope = try Scope(parsing: "user:a++}b é")
            try await harness.apply(.setTier(Tier(id: "gold")))
            try await harness.apply(.setAssignment(Assignment(.role("r"), tier: "gold"), tierIsInFile: false))
            try await harness.apply(.setAssignment(Assignment(.user(scope), tier: "gold"), tierIsInFile: false))
            await #expect(throws: StoreError.self) { try await harness.apply(.setTier(Tier(id: "gold"))) }
            try await harness.apply(.setLimits(scope, []))
            try harness.redis.cli("HSET", "tollgate:\(scope)", "cost/total", "3")
            _ = try await harness.store.reset(scope, limits: nil, by: PolicyStoreHarness.author)
            try await eventually { messages.withLock { $0.count } == 5 }
            #expect(
                messages.withLock { $0 } == [
                    "1 shared", "2 shared", "3 scope user:a++}b é", "4 scope user:a++}b é", "5 scope user:a++}b é",
                ])
            try await eventLoop.flatSubmit { subscription.value.shutdown() }.get()
        }
    }
}

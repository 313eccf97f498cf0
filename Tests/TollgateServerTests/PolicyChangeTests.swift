import Foundation
import Testing
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateServer
@testable import TollgateStores

/// Changes made through one sidecar, and their effect on others.
@Suite struct PolicyChangeTests {
    private static let policy = "defaults: { user: { requests: { 1h: 1000000 } } }"

    private func withSidecars(_ count: Int, _ body: ([ServerHarness]) async throws -> Void) async throws {
        try await withServer(policy: Self.policy) { first in
            var others: [ServerHarness] = []
            let outcome: Result<Void, any Error>
            do {
                for _ in 1..<count {
                    others.append(try await ServerHarness(policy: Self.policy, redis: first.redis))
                }
                outcome = .success(try await body([first] + others))
            } catch {
                outcome = .failure(error)
            }
            for other in others { await other.stop() }
            try outcome.get()
        }
    }

    private func limits(_ max: Int64) -> [Limit] { [Limit(.requests, .sliding(seconds: 3_600), max: max)] }

    /// Runs two clients with 16 requests in flight each until the task is cancelled.
    private func load(_ harness: ServerHarness, _ user: String) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    let client = try harness.client()
                    let lines = (0..<16).map { "CHECK user=\($0 % 2 == 0 ? user : "u\(Int.random(in: 0..<500))")" }
                    while !Task.isCancelled { _ = try await client.ask(lines) }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("a limit that is lowered through one of three sidecars is enforced by the others within 100 ms, under load")
    func lowered() async throws {
        try await withSidecars(3) { sidecars in
            let user = try Scope(parsing: "user:a")
            let work = Task {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for sidecar in sidecars { group.addTask { try await load(sidecar, "a") } }
                    try await group.waitForAll()
                }
            }
            let clients = try sidecars.map { try $0.client() }
            for client in clients { _ = try await client.ask("CHECK user=a") }
            var delays: [Duration] = []
            for round in 0..<20 {
                let max = Int64(900_000 - round)
                try await sidecars[0].edit(.setLimits(user, limits(max)), of: user)
                let changed = ContinuousClock.now
                for client in clients.dropFirst() {
                    while try await !client.ask("PEEK user=a")[0].contains(" max=\(max) ") {
                        try #require(.now - changed < .seconds(15))
                    }
                    delays.append(.now - changed)
                }
            }
            work.cancel()
            _ = try? await work.value
            delays.sort()
            // A busy machine may be late once or twice.
            #expect(delays[delays.count - 3] <= .milliseconds(100), "\(delays)")
        }
    }

    @Test("a sidecar decides by a change from the moment that it has answered it")
    func readYourWrites() async throws {
        try await withSidecars(1) { sidecars in
            let user = try Scope(parsing: "user:a")
            let clients = try (0..<8).map { _ in try sidecars[0].client() }
            for max in 1...50 {
                try await sidecars[0].edit(.setLimits(user, limits(Int64(max))), of: user)
                for client in clients {
                    #expect(try await client.ask("PEEK user=a")[0].contains(" max=\(max) "))
                }
                let tier = Tier(id: "t", limits: [Limit(.tokens, .total, max: Int64(max))])
                try await sidecars[0].edit(.setTier(tier), of: nil)
                if max == 1 {
                    let everyone = Assignment(.everyone, tier: "t", origin: .admin)
                    try await sidecars[0].edit(.setAssignment(everyone, tierIsInFile: false), of: nil)
                }
                for client in clients {
                    #expect(
                        try await client.ask("PEEK user=b tokens=51")[0].contains(
                            "limit=user:b/tokens/total max=\(max) "))
                }
            }
        }
    }

    @Test("a sidecar that was cut off from announcements catches up when it is connected again")
    func cut() async throws {
        try await withSidecars(2) { sidecars in
            let user = try Scope(parsing: "user:a")
            let client = try sidecars[1].client()
            for max in [Int64(500), 400, 300] {
                var isMissed = false
                // The change has to come in the pause before the reconnect.
                while !isMissed {
                    try await sidecars[0].edit(.setLimits(user, limits(max + 1)), of: user)
                    try await eventually { try await client.ask("PEEK user=a")[0].contains(" max=\(max + 1) ") }
                    try sidecars[0].redis.cli("CLIENT", "KILL", "TYPE", "pubsub")
                    try await sidecars[0].edit(.setLimits(user, limits(max)), of: user)
                    isMissed = try sidecars[0].redis.cli("PUBSUB", "NUMSUB", "tollgate:{policy}:changes").hasSuffix(
                        "\n0")
                }
                try await eventually { try await client.ask("PEEK user=a")[0].contains(" max=\(max) ") }
            }
            // Settings that every sidecar stores whole.
            var isMissed = false
            var total: Int64 = 1_000
            let everyone = Assignment(.everyone, tier: "t", origin: .admin)
            try await sidecars[0].edit(.setTier(Tier(id: "t")), of: nil)
            try await sidecars[0].edit(.setAssignment(everyone, tierIsInFile: false), of: nil)
            while !isMissed {
                total -= 1
                try await eventually { await sidecars[1].sidecar.report().policy.isSubscribed }
                try sidecars[0].redis.cli("CLIENT", "KILL", "TYPE", "pubsub")
                let tier = Tier(id: "t", limits: [Limit(.tokens, .total, max: total)])
                try await sidecars[0].edit(.setTier(tier), of: nil)
                isMissed = try sidecars[0].redis.cli("PUBSUB", "NUMSUB", "tollgate:{policy}:changes").hasSuffix("\n0")
            }
            let expected = "limit=user:a/tokens/total max=\(total) "
            try await eventually { try await client.ask("PEEK user=a tokens=1000")[0].contains(expected) }
        }
    }

    @Test("the policy file is merged with the administrators' settings, whichever changes last")
    func fileAndShared() async throws {
        try await withSidecars(1) { sidecars in
            let sidecar = sidecars[0].sidecar
            func max() async throws -> String? {
                let reply = try await sidecars[0].ask("PEEK user=a cost=100000")[0]
                return reply.split(separator: "max=").dropFirst().first.map { String($0.prefix { $0 != " " }) }
            }
            func install(_ max: Int) throws {
                sidecar.activePolicy.install(
                    try Policy(
                        yaml: """
                            tiers: { t: { limits: { cost: { month: \(max) } } } }
                            assignments: [{ default: true, tier: t }]
                            """, file: "p"))
            }
            try install(10)
            #expect(try await max() == "10")
            let tier = Tier(id: "t", limits: [Limit(.cost, .month, max: 20_000_000_000)])
            try await sidecars[0].edit(.setTier(tier), of: nil)
            #expect(try await max() == "20")
            try install(11)
            #expect(try await max() == "20")
            try await sidecars[0].edit(.deleteTier("t", isInFile: true), of: nil)
            #expect(try await max() == "11")
        }
    }

    @Test("one read finds a user's assignment among 100 000, and no command iterates over keys")
    func manyUsers() async throws {
        try await withSidecars(1) { sidecars in
            let sidecar = sidecars[0]
            try await sidecar.edit(
                .setTier(Tier(id: "gold", limits: [Limit(.cost, .total, max: 7_000_000_000)])), of: nil)
            let fill = """
                for i = 1, 100000 do
                    redis.call('HSET', KEYS[1] .. i, 'assignment',
                        '{"item":{"enabled":true,"priority":300,"tier":"gold"},"order":1,"version":1}')
                end
                """
            try sidecar.redis.cli("EVAL", fill, "1", "tollgate:{policy}:scope:user:u")
            let first = try Scope(parsing: "user:first")
            try await sidecar.edit(.setLimits(first, limits(1)), of: first)
            let monitor = try await RedisMonitor(sidecar.redis)
            let client = try sidecar.client()
            for part in 0..<50 {
                let replies = try await client.ask((0..<100).map { "PEEK user=u\(part * 2_000 + $0 * 20 + 1) cost=8" })
                #expect(replies.allSatisfy { $0.contains("/cost/total max=7 ") && $0.hasSuffix("source=tier:gold") })
            }
            let lookups = try await monitor.lookups()
            // One read a user; a late one is repeated.
            #expect((5_000...5_005).contains(lookups))
            let commands = monitor.commands.compactMap { $0.words.first?.uppercased() }
            #expect(!commands.contains("KEYS") && !commands.contains { $0.hasSuffix("SCAN") })
        }
    }
}

import Foundation
import NIOCore
import Testing
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

/// Users whose requests name different roles in turn.
extension SharedPolicyTests {
    @Test(
        "alternating roles of one user keep the order and the counts, and other requests keep large batches")
    func rolesInTurn() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.workers = 1 }) { harness in
            let clients = try (0..<4).map { _ in try harness.client() }
            _ = try await clients[0].ask("PEEK user=a", "PEEK user=b")
            try await withThrowingTaskGroup(of: Void.self) { group throws in
                for (place, client) in clients.enumerated() {
                    group.addTask {
                        for _ in 0..<10 {
                            let lines = (0..<24).map { number in
                                place == 3
                                    ? "RECORD user=b requests=1"
                                    : "RECORD user=a requests=1\((number + place) % 2 == 0 ? " roles=Faculty" : "")"
                            }
                            let replies = try await client.ask(lines)
                            #expect(replies.allSatisfy { $0 == "OK" })
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try harness.redis.hash("tollgate:user:a")["requests/1h.n"] == "720")
            #expect(try harness.redis.hash("tollgate:user:b")["requests/1h.n"] == "240")
            #expect(await harness.sidecar.report().counts.errors == 0)
        }
    }

    @Test("a request that needs another plan of its user is answered in time, however many others do not")
    func noStarvation() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.workers = 1 }) { harness in
            let flood = Task {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            let client = try harness.client()
                            let lines = Array(repeating: "CHECK user=a roles=Faculty", count: 256)
                            while !Task.isCancelled { _ = try await client.ask(lines) }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            let client = try harness.client()
            for _ in 0..<20 {
                let asked = ContinuousClock.now
                #expect(try await client.ask("PEEK user=a")[0].contains("limit="))
                _ = try await harness.sidecar.usage(of: Scope(parsing: "user:a"))
                #expect(.now - asked < .seconds(2))
            }
            flood.cancel()
            _ = try? await flood.value
        }
    }

    @Test("writes of users with alternating roles are replayed by the limits of each role")
    func journalOfRoles() async throws {
        // Only Redis has the tiers, and the sidecar starts without it.
        let redis = try TestRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        try await withServer(policy: "", redis: redis) { harness in
            for (role, meter) in [("A", Meter.tokens), ("B", .inputTokens)] {
                let tier = Tier(id: role, limits: [Limit(meter, .total, max: 1_000_000)])
                try await harness.edit(.setTier(tier), of: nil)
                let assignment = Assignment(.role(role), tier: role, origin: .admin)
                try await harness.edit(.setAssignment(assignment, tierIsInFile: false), of: nil)
            }
        }
        redis.stop()
        try await withServer(policy: "", redis: redis, waitsForRedis: false, adjust: { $0.deadline = .seconds(1) }) {
            harness in
            try await eventually {
                await harness.sidecar.report().redis.links.allSatisfy { $0.hasPrefix("down: ") }
            }
            let clients = try (0..<8).map { _ in try harness.client() }
            for client in clients {
                try await client.send("RECORD user=a roles=A tokens=10\nRECORD user=a roles=B input_tokens=10\n")
            }
            for client in clients {
                #expect(try await client.readLine() == "OK queued=1")
                #expect(try await client.readLine() == "OK queued=1")
            }
            try redis.start()
            try await eventually(within: .seconds(20)) { await harness.sidecar.report().journal?.operations == 0 }
            let counted = try redis.hash("tollgate:user:a")
            #expect(counted["tokens/total"] == "80")
            #expect(counted["input_tokens/total"] == "80")
        }
    }
}

import NIOCore
import Testing
import TollgateTestSupport

@testable import TollgateRedis
@testable import TollgateServer

/// A Redis that is held up for a moment, longer than the deadline.
@Suite struct SlowAnswerTests {
    private static let policy = """
        thresholds: []
        defaults: { user: { requests: { total: 1000000 }, tokens: { total: 1000000 } } }
        """

    /// Which one the only worker has to Redis.
    private func connection(of harness: ServerHarness) async throws -> ObjectIdentifier? {
        let worker = try #require(harness.server.workers.first)
        return try await worker.eventLoop.submit { worker.value.link.connection.map(ObjectIdentifier.init) }.get()
    }

    @Test("one late answer fails what it answers, and nothing that waits behind it; what it records counts once")
    func oneLateAnswer() async throws {
        try await withServer(
            policy: Self.policy,
            adjust: {
                $0.workers = 1
                // Long enough for what waits behind the late answer, also on a busy machine.
                $0.deadline = .seconds(3)
            }
        ) { harness in
            let first = try harness.client()
            #expect(try await first.ask("CHECK user=a")[0].hasPrefix("ALLOW limit="))
            let others = try (0..<20).map { _ in try harness.client() }
            let operations = await harness.server.report().counts.operations
            let connection = try await connection(of: harness)
            harness.redis.freeze(true)
            try await first.send("CHECK user=a\nRECORD user=a tokens=5\n")
            // They are under way before the others come.
            try await eventually { await harness.server.report().counts.operations > operations }
            for client in others { try await client.send(String(repeating: "CHECK user=b\n", count: 200)) }
            #expect(try await first.readLine() == "ALLOW degraded=1")
            #expect(try await first.readLine() == "OK queued=1")
            try await Task.sleep(for: .milliseconds(200))
            harness.redis.freeze(false)
            for client in others {
                for _ in 0..<200 {
                    #expect(try await client.readLine()?.hasPrefix("ALLOW limit=user:b/requests/total") == true)
                }
            }
            try await eventually { await harness.server.report().journal?.operations == 0 }
            let connectionNow = try await self.connection(of: harness)
            #expect(connectionNow == connection, "it is kept")
            let counted = try harness.redis.hash("tollgate:user:a")
            #expect(counted["tokens/total"] == "5")
            // Carried out late, though its answer was given up.
            #expect(counted["requests/total"] == "2")
            #expect(try harness.redis.hash("tollgate:user:b")["requests/total"] == "4000")
            #expect(await harness.server.report().counts.degraded == 1)
        }
    }

    @Test("the second late answer in a row ends the connection, and then nobody waits")
    func secondLateAnswer() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.deadline = .milliseconds(300) }) { harness in
            let client = try harness.client()
            #expect(try await client.ask("CHECK user=a")[0].hasPrefix("ALLOW limit="))
            harness.redis.freeze(true)
            // The first is late; with nothing else to ask, a probe finds out that the next is late too.
            #expect(try await client.ask("CHECK user=a") == ["ALLOW degraded=1"])
            try await eventually { await harness.server.report().redis.links.contains { $0 != "ready" } }
            let started = ContinuousClock.now
            for worker in 0..<4 {
                #expect(try await client.ask("RECORD user=a tokens=\(worker + 1)") == ["OK queued=1"])
            }
            #expect(ContinuousClock.now - started < .seconds(2))
            harness.redis.freeze(false)
            try await harness.waitForRedis()
            try await eventually { await harness.server.report().journal?.operations == 0 }
            #expect(try harness.redis.hash("tollgate:user:a")["tokens/total"] == "10")
        }
    }
}

import NIOCore
import Testing
import TollgateTestSupport

@testable import TollgateRedis
@testable import TollgateServer

/// A Redis that stalls for longer than the deadline.
@Suite struct SlowAnswerTests {
    private static let policy = """
        thresholds: []
        defaults: { user: { requests: { total: 1000000 }, tokens: { total: 1000000 } } }
        """

    /// Returns the id of the worker's connection to Redis.
    private func connection(of harness: ServerHarness) async throws -> ObjectIdentifier? {
        let worker = try #require(harness.sidecar.workers.first)
        return try await worker.eventLoop.submit { worker.value.link.connection.map(ObjectIdentifier.init) }.get()
    }

    @Test("a late reply fails its own batch and none behind it; its writes count once")
    func oneLateAnswer() async throws {
        try await withServer(
            policy: Self.policy,
            adjust: {
                $0.workers = 1
                // Long enough for the requests behind the late reply, also on a busy machine.
                $0.deadline = .seconds(3)
            }
        ) { harness in
            let first = try harness.client()
            #expect(try await first.ask("CHECK user=a")[0].hasPrefix("ALLOW limit="))
            let others = try (0..<20).map { _ in try harness.client() }
            let operations = await harness.sidecar.report().counts.operations
            let connection = try await connection(of: harness)
            harness.redis.freeze(true)
            try await first.send("CHECK user=a\nRECORD user=a tokens=5\n")
            // They are in flight before the others come.
            try await eventually { await harness.sidecar.report().counts.operations > operations }
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
            try await eventually { await harness.sidecar.report().journal?.operations == 0 }
            let connectionNow = try await self.connection(of: harness)
            #expect(connectionNow == connection, "it is kept")
            let counted = try harness.redis.hash("tollgate:user:a")
            #expect(counted["tokens/total"] == "5")
            // Applied late, although its reply was abandoned.
            #expect(counted["requests/total"] == "2")
            #expect(try harness.redis.hash("tollgate:user:b")["requests/total"] == "4000")
            #expect(await harness.sidecar.report().counts.degraded == 1)
        }
    }

    @Test("a second late reply in a row closes the connection, and then no request waits")
    func secondLateAnswer() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.deadline = .milliseconds(300) }) { harness in
            let client = try harness.client()
            #expect(try await client.ask("CHECK user=a")[0].hasPrefix("ALLOW limit="))
            harness.redis.freeze(true)
            // The first reply is late. Without other requests, a probe finds that the next one is late too.
            #expect(try await client.ask("CHECK user=a") == ["ALLOW degraded=1"])
            try await eventually { await harness.sidecar.report().redis.links.contains { $0 != "ready" } }
            let started = ContinuousClock.now
            for worker in 0..<4 {
                #expect(try await client.ask("RECORD user=a tokens=\(worker + 1)") == ["OK queued=1"])
            }
            #expect(ContinuousClock.now - started < .seconds(2))
            harness.redis.freeze(false)
            try await harness.waitForRedis()
            try await eventually { await harness.sidecar.report().journal?.operations == 0 }
            #expect(try harness.redis.hash("tollgate:user:a")["tokens/total"] == "10")
        }
    }
}

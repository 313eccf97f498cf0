import Testing
import TollgateTestSupport

@testable import TollgateServer

@Suite struct QueueBoundTests {
    @Test("past 64 batches that wait, requests are refused as busy, and those that wait are answered")
    func busy() async throws {
        let policy = "defaults: { user: { requests: { total: 1000000 } } }"
        try await withServer(policy: policy, adjust: { $0.workers = 1 }) { harness in
            let clients = try (0..<40).map { _ in try harness.client() }
            #expect(try await clients[0].ask("CHECK user=u")[0].hasPrefix("ALLOW"))
            harness.redis.freeze(true)
            // As many as a session leaves unanswered, 40 times: 40 960, of which 66 batches of 512 find room.
            let lines = String(repeating: "CHECK user=u\n", count: Session.mostUnanswered)
            for client in clients { try await client.send(lines) }
            try await eventually { await harness.server.report().counts.errors > 0 }
            harness.redis.freeze(false)
            var allowed = 0
            var busy = 0
            for client in clients {
                for _ in 0..<Session.mostUnanswered {
                    let reply = try await client.readLine() ?? "(closed)"
                    if reply.hasPrefix("ALLOW limit=") { allowed += 1 }
                    if reply == "ERR busy too many requests are waiting for Redis" { busy += 1 }
                }
            }
            #expect(allowed + busy == 40 * Session.mostUnanswered)
            #expect(allowed >= 64 * 512)
            #expect(busy > 0)
            #expect(try harness.redis.hash("tollgate:{user:u}")["requests/total"] == "\(allowed + 1)")
        }
    }
}

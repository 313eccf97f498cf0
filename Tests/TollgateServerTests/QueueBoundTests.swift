import Foundation
import NIOCore
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// More requests than Redis can handle now.
@Suite struct QueueBoundTests {
    private static let policy = "defaults: { user: { requests: { total: 1000000 } } }"

    @Test("requests that a frozen Redis cannot handle wait, and are answered when it continues")
    func waits() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.workers = 1 }) { harness in
            let clients = try (0..<10).map { _ in try harness.client() }
            #expect(try await clients[0].ask("CHECK user=u")[0].hasPrefix("ALLOW"))
            harness.redis.freeze(true)
            let lines = String(repeating: "CHECK user=u\n", count: Session.maxUnanswered)
            for client in clients { try await client.send(lines) }
            // Requests that need no Redis are answered meanwhile.
            #expect(try await harness.ask("PING") == ["PONG"])
            harness.redis.freeze(false)
            for client in clients {
                for _ in 0..<Session.maxUnanswered {
                    let reply = try await client.readLine() ?? "(closed)"
                    #expect(reply.hasPrefix("ALLOW limit=user:u/requests/total max=1000000 used="))
                }
            }
            let total = 10 * Session.maxUnanswered + 1
            #expect(try harness.redis.hash("tollgate:user:u")["requests/total"] == "\(total)")
            let counts = await harness.sidecar.report().counts
            #expect(counts.errors == 0)
            #expect(counts.degraded == 0)
        }
    }

    @Test("a reply that arrived while the event loop was busy is not late")
    func busyLoop() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.deadline = .milliseconds(200) }) { harness in
            let worker = try #require(harness.sidecar.workers.first)
            // Loads the library beforehand.
            #expect(try await harness.ask("CHECK user=u")[0].hasPrefix("ALLOW"))
            for number in 2...4 {
                let reply = worker.eventLoop.flatSubmit {
                    let promise = worker.eventLoop.makePromise(of: String.self)
                    InProcessCall(worker: worker.value, promise: promise).start(ByteBuffer(string: "CHECK user=u\n"))
                    // Runs after the batch has been sent at the end of the tick.
                    worker.eventLoop.execute { usleep(400_000) }
                    return promise.futureResult
                }
                let allow = "ALLOW limit=user:u/requests/total max=1000000 used=\(number) "
                #expect(try await reply.get().hasPrefix(allow))
            }
            #expect(await harness.sidecar.report().redis.links.allSatisfy { $0 == "ready" })
        }
    }
}

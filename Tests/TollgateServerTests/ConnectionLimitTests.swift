import Foundation
import Synchronization
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// What a client may not do at the cost of the others.
@Suite struct ConnectionLimitTests {
    @Test("a silent connection is closed by the idle timeout, one that asks is not")
    func idle() async throws {
        try await withServer(adjust: { $0.idleTimeout = .milliseconds(600) }) { harness in
            let silent = try harness.client()
            let busy = try harness.client()
            #expect(try await silent.ask("PING") == ["PONG"])
            let closing = Task { try await silent.readToEnd() }
            let end = ContinuousClock.now + .milliseconds(1_500)
            while ContinuousClock.now < end {
                #expect(try await busy.ask("PING") == ["PONG"])
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(try await closing.value == [])
            #expect(try await busy.ask("PING") == ["PONG"])
        }
    }

    @Test("past the cap a connection is told so and closed; a place that is freed is given again")
    func cap() async throws {
        try await withServer(adjust: { $0.maxConnections = 3 }) { harness in
            var clients = [try harness.client(), try harness.unixClient(), try harness.client()]
            for client in clients { #expect(try await client.ask("PING") == ["PONG"]) }
            for refused in [try harness.client(), try harness.unixClient()] {
                #expect(
                    String(decoding: try await refused.readToEnd(), as: UTF8.self)
                        == "-ERR busy too many connections\r\n")
            }
            for client in clients { #expect(try await client.ask("PING") == ["PONG"]) }
            clients.removeLast()
            try await eventually {
                (try? await harness.ask("PING")) == ["PONG"]
            }
        }
    }

    @Test("a client that does not read is held up, the others are served, and when it reads all replies are there")
    func backPressure() async throws {
        let policy = "defaults: { user: { requests: { total: 1000000 } } }"
        let count = 100_000
        try await withServer(policy: policy) { harness in
            let client = try harness.unixClient()
            let isSent = Mutex(false)
            let sending = Task {
                try await client.send(String(repeating: "CHECK user=a\nPING\n", count: count))
                isSent.withLock { $0 = true }
                client.finishSending()
            }
            try await untilSteady { await harness.server.report().counts.operations }
            #expect(!isSent.withLock { $0 })
            // What the sidecar may hold of its replies is under 1 MiB; the rest is the sockets' own.
            #expect(await harness.server.report().counts.operations < 50_000)
            #expect(try await harness.ask("CHECK user=b", "PING").last == "PONG")
            let replies = String(decoding: try await client.readToEnd(), as: UTF8.self).split(separator: "\n")
            try await sending.value
            #expect(replies.count == 2 * count)
            let firstWrong = (0..<count).first { place in
                !replies[2 * place].hasPrefix("ALLOW limit=user:a/requests/total max=1000000 used=\(place + 1) ")
                    || replies[2 * place + 1] != "PONG"
            }
            #expect(firstWrong == nil)
        }
    }

    @Test("replies that need no Redis are held up as well")
    func backPressureWithoutRedis() async throws {
        let count = 10_000
        try await withServer { harness in
            let client = try harness.unixClient()
            let isSent = Mutex(false)
            let sending = Task {
                try await client.send(
                    String(repeating: "HELP\n", count: count) + String(repeating: "PING\n", count: 100_000))
                isSent.withLock { $0 = true }
                client.finishSending()
            }
            let bystander = try Bystander(harness)
            try await Task.sleep(for: .milliseconds(300))
            #expect(!isSent.withLock { $0 })
            let replies = String(decoding: try await client.readToEnd(), as: UTF8.self).split(separator: "\n")
            try await sending.value
            #expect(replies.prefix(count).allSatisfy { $0 == replies[0] && $0.hasPrefix("{") })
            #expect(replies.dropFirst(count).count { $0 == "PONG" } == 100_000)
            #expect(replies.count == count + 100_000)
            #expect(try await bystander.stop() > 0)
        }
    }

    /// Until a number above 0 has not changed for a while.
    private func untilSteady(_ number: () async -> Int) async throws {
        var last = 0
        var since = ContinuousClock.now
        try await eventually {
            let next = await number()
            if next != last { (last, since) = (next, .now) }
            return last > 0 && ContinuousClock.now - since > .milliseconds(400)
        }
    }
}

import Foundation
import Synchronization
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// What a client may not do at the cost of the others.
@Suite struct ConnectionLimitTests {
    @Test("a silent connection is closed by the idle timeout, one that asks is not")
    func idle() async throws {
        let timeout = Duration.seconds(2)
        try await withServer(adjust: { $0.idleTimeout = timeout }) { harness in
            let silent = try harness.client()
            let busy = try harness.client()
            let started = ContinuousClock.now
            #expect(try await silent.ask("PING") == ["PONG"])
            let closing = Task {
                let rest = try await silent.readToEnd()
                return (rest, ContinuousClock.now - started)
            }
            var (lastAsked, maxPause) = (ContinuousClock.now, Duration.zero)
            while ContinuousClock.now - started < .seconds(3) {
                maxPause = max(maxPause, ContinuousClock.now - lastAsked)
                lastAsked = .now
                let reply = try? await busy.ask("PING")
                // On a machine that is too busy for the test itself to ask in time, the timeout is right to strike.
                #expect(reply == ["PONG"] || maxPause > timeout / 2)
                try await Task.sleep(for: .milliseconds(20))
            }
            let (rest, duration) = try await closing.value
            #expect(rest == [])
            #expect(duration >= timeout)
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
        let message = String(repeating: "x", count: 8_000)
        let requests =
            Array(repeating: resp("ECHO", message), count: 1_000) + Array(repeating: resp("PING"), count: 20_000)
        try await withServer { harness in
            let client = try harness.unixClient()
            let isSent = Mutex(false)
            let sending = Task {
                try await client.send(Array(requests.joined()))
                isSent.withLock { $0 = true }
                client.finishSending()
            }
            let bystander = try Bystander(harness)
            try await Task.sleep(for: .milliseconds(300))
            #expect(!isSent.withLock { $0 })
            let replies = String(decoding: try await client.readToEnd(), as: UTF8.self)
            try await sending.value
            let expected =
                String(repeating: "$8000\r\n\(message)\r\n", count: 1_000)
                + String(repeating: "+PONG\r\n", count: 20_000)
            let isAsExpected = replies == expected
            #expect(isAsExpected, "\(replies.utf8.count) bytes of \(expected.utf8.count)")
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

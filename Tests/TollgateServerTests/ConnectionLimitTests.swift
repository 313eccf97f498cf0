import Foundation
import Synchronization
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// Limits that protect clients from each other.
@Suite struct ConnectionLimitTests {
    @Test("a silent connection is closed by the idle timeout, an active one is not")
    func idle() async throws {
        let timeout = Duration.seconds(2)
        try await withServer(adjust: { $0.idleTimeout = .after(timeout) }) { harness in
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
                // On a machine too busy to send in time the timeout is correct.
                #expect(reply == ["PONG"] || maxPause > timeout / 2)
                try await Task.sleep(for: .milliseconds(20))
            }
            let (rest, duration) = try await closing.value
            #expect(rest == [])
            #expect(duration >= timeout)
        }
    }

    @Test("a connection over the limit gets an error and is closed, until another one closes")
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

    @Test("a client that does not read is paused while others are served, and gets all replies when it reads")
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
            try await untilSteady { await harness.sidecar.report().counts.operations }
            #expect(!isSent.withLock { $0 })
            // The sidecar buffers less than 1 MiB of its replies; the rest is in the sockets.
            #expect(await harness.sidecar.report().counts.operations < 50_000)
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

    @Test("replies that need no Redis are paused as well")
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

    /// Waits until a number above 0 has not changed for a while.
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

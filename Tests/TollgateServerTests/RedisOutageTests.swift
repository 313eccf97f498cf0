import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// A Redis that is slow, down or broken. No error is ever a DENY.
@Suite struct RedisOutageTests {
    static let policy = """
        kinds: [bystander]
        defaults:
          user: { requests: { 1h: 100000 } }
          team: { cost: { day: 5 } }
          tool: { requests: { 1h: { max: 100, on_redis_failure: closed } } }
          model: { cost: { day: { max: 5, on_redis_failure: open } } }
        """

    /// The replies without Redis. The text after `Redis: ` is that of the link.
    static let questions = [
        ("CHECK user=a", "ALLOW degraded=1"), ("PEEK user=a requests=7", "ALLOW degraded=1"),
        ("CHECK user=a model=m", "ALLOW degraded=1"), ("CHECK user=a team=t", "ERR unavailable Redis: "),
        ("CHECK user=a tool=t", "ERR unavailable Redis: "), ("RECORD user=a tokens=5", "OK queued=1"),
        ("REFUND user=a tokens=5", "OK queued=1"), ("RESERVE user=a tokens=5", "ALLOW degraded=1 reservation="),
        ("RESERVE user=a team=t", "ERR unavailable Redis: "), ("USAGE scope=user:a", "ERR unavailable Redis: "),
        ("PING", "PONG"), ("CHECK bystander=without_limits", "ALLOW"),
    ]

    private func expectDegraded(_ harness: ServerHarness) async throws {
        let replies = try await harness.client().ask(Self.questions.map(\.0))
        for (reply, (question, beginning)) in zip(replies, Self.questions) {
            #expect(reply.hasPrefix(beginning), "\(question)")
        }
    }

    private func expectServed(_ harness: ServerHarness) async throws {
        try await harness.waitForRedis()
        try await eventually {
            let reply = try await harness.ask("CHECK user=a team=t tool=t")[0]
            #expect(!reply.hasPrefix("DENY"))
            return reply.hasPrefix("ALLOW limit=tool:t/requests/1h max=100 used=")
        }
    }

    @Test("the sidecar starts without Redis, answers by on_redis_failure, and uses Redis when it comes up")
    func startsWithoutRedis() async throws {
        let redis = try TestRedis()
        redis.stop()
        try await withServer(policy: Self.policy, redis: redis, waitsForRedis: false) { harness in
            // Each link reports the error of its first attempt.
            try await eventually {
                await harness.sidecar.report().redis.links.allSatisfy { $0.hasPrefix("down: ") }
            }
            try await expectDegraded(harness)
            // Degraded also without a limit in the file: an administrator may have set one.
            #expect(await harness.sidecar.report().counts.degraded == 5)
            try redis.start()
            try await expectServed(harness)
        }
    }

    @Test("requests wait for a frozen Redis until the deadline, and it is used again when it continues")
    func frozen() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.deadline = .milliseconds(300) }) { harness in
            try await expectServed(harness)
            harness.redis.freeze(true)
            let clients = try Self.questions.map { _ in try harness.client() }
            let started = ContinuousClock.now
            for (client, (question, _)) in zip(clients, Self.questions) { try await client.send(question + "\n") }
            for (client, (question, beginning)) in zip(clients, Self.questions) {
                let reply = try await client.readLine() ?? "(closed)"
                let isTimeout = reply == "ERR timeout no answer from Redis within the deadline"
                #expect(reply.hasPrefix(beginning) || isTimeout && question.hasPrefix("USAGE"), "\(question): \(reply)")
            }
            #expect(ContinuousClock.now - started < .seconds(10))
            // From now on requests do not wait.
            try await expectDegraded(harness)
            harness.redis.freeze(false)
            try await expectServed(harness)
        }
    }

    @Test("the deadline is neither exceeded nor undercut, and suffices for a slow Redis")
    func deadline() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.deadline = .seconds(8) }) { harness in
            harness.redis.freeze(true)
            let client = try harness.client()
            try await client.send("RECORD user=a requests=3\nUSAGE scope=user:a\n")
            try await Task.sleep(for: .milliseconds(200))
            harness.redis.freeze(false)
            #expect(try await client.readLine() == "OK")
            #expect(try await client.readLine()?.contains(#""used":3"#) == true)
        }
    }

    @Test("with Redis killed and restarted under load replies are ALLOW or errors, never DENY, and then normal again")
    func killedUnderLoad() async throws {
        try await withServer(policy: Self.policy) { harness in
            let loads = try (0..<6).map { number in
                let client = try harness.client()
                return Task {
                    var degraded = 0
                    let question =
                        number.isMultiple(of: 2) ? "CHECK user=u\(number)" : "RECORD user=u\(number) tokens=1"
                    while !Task.isCancelled {
                        for reply in try await client.ask(Array(repeating: question, count: 20)) {
                            let isServed = reply.hasPrefix("ALLOW limit=") || reply == "OK"
                            let isKnown = reply == "ALLOW degraded=1" || reply == "OK queued=1"
                            #expect(isServed || isKnown, "\(question): \(reply)")
                            if !isServed { degraded += 1 }
                        }
                    }
                    return degraded
                }
            }
            for _ in 0..<3 {
                try await waitForTraffic(harness)
                harness.redis.stop()
                try await Task.sleep(for: .milliseconds(100))
                try harness.redis.start()
                try await harness.waitForRedis()
            }
            try await waitForTraffic(harness)
            for load in loads { load.cancel() }
            var degraded = 0
            for load in loads { degraded += try await load.value }
            #expect(degraded > 0)
            try await expectServed(harness)
        }
    }

    private func waitForTraffic(_ harness: ServerHarness) async throws {
        let before = await harness.sidecar.report().counts.operations
        try await eventually { await harness.sidecar.report().counts.operations > before + 200 }
    }

    @Test("the sidecar survives CLIENT KILL")
    func clientKill() async throws {
        try await withServer(policy: Self.policy) { harness in
            try await expectServed(harness)
            for _ in 0..<3 {
                try harness.redis.cli("CLIENT", "KILL", "TYPE", "normal")
                try await expectServed(harness)
            }
        }
    }

    @Test("FUNCTION FLUSH and SCRIPT FLUSH cost no reply")
    func functionFlush() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            for round in 1...5 {
                try harness.redis.forgetFunctions()
                let replies = try await client.ask("CHECK user=a", "USAGE scope=user:a")
                #expect(replies[0].hasPrefix("ALLOW limit=user:a/requests/1h max=100000 used=\(round) "))
                #expect(replies[1].contains(#""used":\#(round)"#))
            }
        }
    }
}

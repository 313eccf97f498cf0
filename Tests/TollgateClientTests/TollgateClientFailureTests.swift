import NIOCore
import Synchronization
import Testing

@testable import TollgateClient

@Suite struct TollgateClientFailureTests {
    @Test("a call past its deadline times out, and its late reply is dropped")
    func deadline() async throws {
        let script: ScriptedServer.Script = { _, line in
            // The reply to the slow call arrives together with the next one.
            line.contains("slow") ? .silence : .lines(["ALLOW limit=slow", "ALLOW limit=next"])
        }
        try await withServer(deadline: .seconds(1), script) { _, client in
            await #expect(throws: TollgateClientError.timeout) { try await client.check(.user("slow")) }
            try await expectEcho("next", client)
        }
    }

    @Test("a cancelled call ends at once, and its late reply is dropped")
    func cancellation() async throws {
        let script: ScriptedServer.Script = { _, line in
            line.contains("slow") ? .silence : .lines(["ALLOW limit=slow", "ALLOW limit=next"])
        }
        try await withServer(script) { server, client in
            let call = Task { try await client.check(.user("slow")) }
            try await server.waitForLine()
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            try await expectEcho("next", client)
        }
    }

    @Test("a call in a cancelled task sends nothing")
    func cancelledBefore() async throws {
        try await withServer { _, line in
            echo(line)
        } _: { server, client in
            let call = Task {
                try await Task.sleep(for: .seconds(60))
            }
            call.cancel()
            _ = await call.result
            let late = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await client.check(.user("a"))
            }
            await #expect(throws: CancellationError.self) { try await late.value }
            try await Task { try await expectEcho("b", client) }.value
            #expect(server.lines.withLock { $0 } == ["CHECK user=b"])
        }
    }

    @Test("a call that is cancelled before the connection is open is never sent")
    func cancelledWhileConnecting() async throws {
        let script: ScriptedServer.Script = { _, line in line.hasPrefix("AUTH") ? .silence : echo(line) }
        try await withServer(token: "secret", script) { server, client in
            let calls = ["a", "b", "c"].map { id in Task { try await client.check(.user(id)).limit } }
            try await server.waitForLine()
            calls[1].cancel()
            await #expect(throws: CancellationError.self) { try await calls[1].value }
            server.say("OK")
            let limits = [try await calls[0].value, try await calls[2].value]
            #expect(limits == ["a", "c"])
            #expect(server.lines.withLock { $0.sorted() } == ["AUTH secret", "CHECK user=a", "CHECK user=c"])
        }
    }

    @Test("calls in flight fail on a disconnect, and the next call reconnects")
    func reconnects() async throws {
        try await withServer { connection, line in
            connection == 1 && line.contains("bad") ? .close : echo(line)
        } _: {
            server, client in
            try await expectEcho("a", client)
            let error = await #expect(throws: TollgateClientError.self) { try await client.check(.user("bad")) }
            guard case .unavailable = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            try await expectEcho("b", client)
            #expect(server.connections.load(ordering: .relaxed) == 2)
        }
    }

    @Test("the client reconnects to a restarted server")
    func restart() async throws {
        let address = ScriptedServer.freshAddress()
        let client = TollgateClient(address, deadline: .seconds(20))
        await #expect(throws: TollgateClientError.self) { try await client.ping() }
        for _ in 0..<3 {
            let server = try await ScriptedServer.start(at: address) { _, line in echo(line) }
            try await retrying { try await expectEcho("a", client) }
            try await server.stop()
            await #expect(throws: TollgateClientError.self) { try await client.check(.user("a")) }
        }
        await client.shutdown()
    }

    @Test("a connection without replies is closed")
    func stalled() async throws {
        try await withServer(deadline: .milliseconds(100)) { connection, line in
            connection == 1 ? .silence : echo(line)
        } _: {
            server, client in
            try await retrying { try await expectEcho("a", client) }
            #expect(server.connections.load(ordering: .relaxed) >= 2)
        }
    }

    @Test("connection attempts to a failing server back off")
    func hammering() async throws {
        try await withServer { _, _ in
            .close
        } _: { server, client in
            for _ in 0..<2_000 {
                await #expect(throws: TollgateClientError.self) { try await client.ping() }
            }
            #expect((1...50).contains(server.connections.load(ordering: .relaxed)))
        }
    }

    @Test(
        "without a decision, the rule applies",
        arguments: ["ERR busy", "nonsense", ""])
    func rules(_ reply: String) async throws {
        for (rule, allowed) in [(UnavailableRule.allow, true), (.deny, false)] {
            try await withServer(onUnavailable: rule) { _, _ in
                .lines([reply])
            } _: { _, client in
                let decision = Decision(allowed: allowed, isDegraded: true)
                let checked = try await client.check(.user("a"))
                let peeked = try await client.peek(.user("a"))
                #expect(checked == decision)
                #expect(peeked == decision)
                await #expect(throws: TollgateClientError.self) {
                    try await client.record(.user("a"), amounts: Amounts(tokens: 1))
                }
            }
        }
        try await withServer { _, _ in
            .lines([reply])
        } _: { _, client in
            await #expect(throws: TollgateClientError.self) { try await client.check(.user("a")) }
        }
    }

    @Test("the rule applies without a server and past the deadline")
    func away() async throws {
        let away = TollgateClient(ScriptedServer.freshAddress(), onUnavailable: .allow)
        #expect(try await away.check(.user("a")) == Decision(allowed: true, isDegraded: true))
        await away.shutdown()
        try await withServer(deadline: .milliseconds(50), onUnavailable: .deny) { _, _ in
            .silence
        } _: { _, client in
            let decision = try await client.check(.user("a"))
            #expect(decision == Decision(allowed: false, isDegraded: true))
        }
    }

    @Test(
        "other errors of the sidecar are thrown, whatever the rule",
        arguments: ["internal", "unauthenticated", "unavailable", "timeout", "later_code"])
    func otherErrors(_ code: String) async throws {
        try await withServer(onUnavailable: .allow) { _, _ in
            .lines(["ERR \(code) why: so"])
        } _: { _, client in
            await #expect(throws: TollgateClientError.refused(code: code, sentence: "why: so")) {
                try await client.check(.user("a"))
            }
        }
    }

    @Test("after shutdown, waiting and later calls fail")
    func shutdown() async throws {
        try await withServer(onUnavailable: .allow) { _, _ in
            .silence
        } _: { server, client in
            let call = Task { try await client.check(.user("a")) }
            try await server.waitForLine()
            await client.shutdown()
            await #expect(throws: TollgateClientError.closed) { try await call.value }
            await #expect(throws: TollgateClientError.closed) { try await client.check(.user("a")) }
        }
    }

    @Test("unexpected replies close the connection")
    func surplus() async throws {
        try await withServer { connection, line in
            connection == 1 ? .lines(["PONG", "PONG"]) : echo(line)
        } _: {
            server, client in
            try await client.ping()
            try await retrying { try await expectEcho("a", client) }
            #expect(server.connections.load(ordering: .relaxed) == 2)
        }
    }

    @Test("the reconnect delay doubles up to a second, and a reply resets it")
    func backoff() {
        var backoff = ReconnectBackoff()
        let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
        #expect(backoff.allows(start))
        for milliseconds in [25, 50, 100, 200, 400, 800, 1_000, 1_000] {
            backoff.failed(start, jitter: 1)
            #expect(!backoff.allows(start + .milliseconds(Int64(milliseconds) - 1)))
            #expect(backoff.allows(start + .milliseconds(Int64(milliseconds))))
        }
        backoff.succeeded()
        #expect(backoff.allows(start))
    }
}

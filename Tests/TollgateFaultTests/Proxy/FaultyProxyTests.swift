import Testing
import TollgateRedis
import TollgateTestSupport

/// Tests of the proxy's faults with a real Redis.
@Suite struct FaultyProxyTests {
    private func withProxy(_ body: (FaultyProxy, TestRedis) async throws -> Void) async throws {
        let redis = try TestRedis()
        let proxy = try await FaultyProxy(to: redis.address.endpoint)
        try await body(proxy, redis)
        try await proxy.stop()
    }

    private func client(_ proxy: FaultyProxy, patience: Int = 10) throws -> SocketClient {
        try SocketClient(.tcp(port: proxy.port), patience: patience)
    }

    @Test("without a fault it forwards everything, in order")
    func passes() async throws {
        try await withProxy { proxy, _ in
            let client = try client(proxy)
            let lines = (0..<500).map { "ECHO \($0)" }
            try await client.send(lines.map { $0 + "\r\n" }.joined())
            for number in 0..<500 {
                #expect(try await client.readLine()?.hasPrefix("$") == true)
                #expect(try await client.readLine() == "\(number)")
            }
        }
    }

    @Test("a delay applies to each direction by its own time, and keeps the order when it ends")
    func delays() async throws {
        try await withProxy { proxy, redis in
            let client = try client(proxy)
            #expect(try await client.ask("PING") == ["+PONG"])
            try await proxy.set(.delay(requests: .milliseconds(150), replies: .milliseconds(100)))
            let started = ContinuousClock.now
            try await client.send("INCR a\r\n")
            try await Task.sleep(for: .milliseconds(50))
            #expect(try redis.cli("EXISTS", "a") == "0")
            try await proxy.set(.none)
            try await client.send("INCR a\r\n")
            #expect(try await client.readLine() == ":1")
            #expect(try await client.readLine() == ":2")
            #expect(ContinuousClock.now - started >= .milliseconds(150))
            try await proxy.set(.delay(requests: .zero, replies: .milliseconds(200)))
            let asked = ContinuousClock.now
            #expect(try await client.ask("INCR a") == [":3"])
            #expect(ContinuousClock.now - asked >= .milliseconds(200))
        }
    }

    @Test("a cut ends one connection within a reply, after an exact number of bytes, and no other")
    func cuts() async throws {
        try await withProxy { proxy, redis in
            try redis.cli("SET", "long", String(repeating: "x", count: 1_000))
            let client = try client(proxy)
            #expect(try await client.ask("PING") == ["+PONG"])
            try await proxy.set(.cut(afterReplyBytes: 500))
            try await client.send("GET long\r\n")
            #expect(try await client.readToEnd().count == 500)
            #expect(try await proxy.cuts == 1)
            #expect(try await self.client(proxy).ask("PING") == ["+PONG"])
        }
    }

    @Test("requests swallowed both ways are not applied, and the connection is closed when the fault ends")
    func swallowsAll() async throws {
        try await withProxy { proxy, redis in
            let old = try client(proxy)
            #expect(try await old.ask("PING") == ["+PONG"])
            try await proxy.set(.swallowAll)
            let new = try client(proxy)
            for client in [old, new] { try await client.send("INCR a\r\n") }
            try await Task.sleep(for: .milliseconds(100))
            #expect(try redis.cli("EXISTS", "a") == "0")
            try await proxy.set(.none)
            for client in [old, new] { #expect(try await client.readLine() == nil) }
            #expect(try await client(proxy).ask("INCR a") == [":1"])
        }
    }

    @Test("with swallowed replies the request is applied, but its client gets no answer")
    func swallowsReplies() async throws {
        try await withProxy { proxy, redis in
            let client = try client(proxy, patience: 1)
            try await proxy.set(.swallowReplies)
            try await client.send("INCR a\r\n")
            try await eventually { try redis.cli("GET", "a") == "1" }
            await #expect(throws: SocketClient.Failure.self) { _ = try await client.readLine() }
            try await proxy.set(.none)
            #expect(try await client.readLine() == nil)
        }
    }

    @Test("a proxy that refuses closes open connections, and accepts new ones later on the same port")
    func refuses() async throws {
        try await withProxy { proxy, _ in
            let open = try client(proxy)
            #expect(try await open.ask("PING") == ["+PONG"])
            try await proxy.set(.refuse)
            #expect(try await open.readLine() == nil)
            #expect(throws: SocketClient.Failure.self) { _ = try client(proxy) }
            try await proxy.set(.none)
            #expect(try await client(proxy).ask("PING") == ["+PONG"])
        }
    }

    @Test("with the server gone the client's connection ends, and works again when the server is back")
    func serverGone() async throws {
        try await withProxy { proxy, redis in
            let open = try client(proxy)
            #expect(try await open.ask("PING") == ["+PONG"])
            redis.stop()
            #expect(try await open.readLine() == nil)
            #expect(try await client(proxy).readLine() == nil)
            try redis.start()
            #expect(try await client(proxy).ask("PING") == ["+PONG"])
        }
    }
}

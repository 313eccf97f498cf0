import Synchronization
import Testing
import TollgateClient

/// RESERVE, COMMIT and CANCEL through the client.
@Suite struct ReservationTests {
    @Test("a reservation has a token and a decision, and is committed or cancelled by its token")
    func lines() async throws {
        let allowed = "ALLOW limit=user:a/cost/day max=20 used=1 held=0.5 remaining=18.5 reset=60 reservation=abc.1"
        try await withServer { _, line in
            .lines([line.hasPrefix("RESERVE") ? allowed : "OK"])
        } _: { server, client in
            let reservation = try await client.reserve(
                .user("a"), .tool("search"), amounts: Amounts(tokens: 500, cost: try Money(parsing: "0.07")),
                roles: ["pro"], email: "a@example.com")
            #expect(reservation.token == "abc.1")
            #expect(!reservation.isDegraded)
            #expect(reservation.decision.held == Quantity("0.5"))
            try await client.commit(reservation, amounts: Amounts(inputTokens: 3, cost: 1))
            try await client.commit(reservation, amounts: Amounts())
            try await client.cancel(reservation)
            #expect(
                server.lines.withLock { $0 } == [
                    "RESERVE user=a tool=search tokens=500 cost=0.07 ttl=60 roles=pro email=a@example.com",
                    "COMMIT reservation=abc.1 input_tokens=3 cost=0.000000001", "COMMIT reservation=abc.1",
                    "CANCEL reservation=abc.1",
                ])
        }
    }

    @Test("a reservation says what happens when it expires", arguments: [ExpiryRule.charge, .release])
    func onExpiry(rule: ExpiryRule) async throws {
        try await withServer { _, line in
            .lines([line.hasPrefix("RESERVE") ? "ALLOW reservation=t" : "OK"])
        } _: { server, client in
            _ = try await client.reserve(.user("a"), amounts: Amounts(cost: 1), onExpiry: rule)
            try await client.guarded(.user("a"), onExpiry: rule) { _ in ((), Amounts()) }
            let lines = server.lines.withLock { $0.filter { $0.hasPrefix("RESERVE") } }
            #expect(lines.count == 2)
            #expect(lines.allSatisfy { $0.hasSuffix(" ttl=60 on_expiry=\(rule.rawValue)") })
        }
    }

    @Test("a degraded reservation says so, and is committed by its token")
    func degraded() async throws {
        try await withServer { _, line in
            .lines([line.hasPrefix("RESERVE") ? "ALLOW degraded=1 reservation=t" : "OK queued=1"])
        } _: { server, client in
            let reservation = try await client.reserve(.user("a"))
            #expect(reservation.isDegraded)
            let receipt = try await client.commit(reservation, amounts: Amounts(tokens: 1))
            #expect(receipt.isQueued)
            #expect(server.lines.withLock { $0.last } == "COMMIT reservation=t tokens=1")
        }
    }

    @Test("the time to live is rounded up to whole seconds within the valid range")
    func timeToLive() async throws {
        try await withServer { _, _ in
            .lines(["ALLOW reservation=t"])
        } _: { server, client in
            for (duration, seconds) in [
                (Duration.milliseconds(1), 1), (.seconds(1), 1), (.milliseconds(1_001), 2), (.seconds(86_400), 86_400),
            ] {
                _ = try await client.reserve(.user("a"), timeToLive: duration)
                #expect(server.lines.withLock { $0.last } == "RESERVE user=a ttl=\(seconds)")
            }
            for duration in [Duration.zero, .seconds(-5), .seconds(86_401)] {
                await #expect(throws: TollgateClientError.self) {
                    try await client.reserve(.user("a"), timeToLive: duration)
                }
            }
            #expect(server.lines.withLock { $0.count } == 4)
        }
    }

    @Test("a denial throws the limit and the time to retry")
    func overLimit() async throws {
        let denied = "DENY reason=rate_limited limit=user:a/requests/1m max=60 used=60 remaining=0 retry_after=12.4"
        try await withServer { _, _ in
            .lines([denied])
        } _: { server, client in
            let error = await #expect(throws: OverLimit.self) { try await client.reserve(.user("a")) }
            #expect(error?.reason == .rateLimited)
            #expect(error?.retryAfter == 12.4)
            #expect(error?.decision.limit == "user:a/requests/1m")
            #expect(
                error?.description == "over the limit user:a/requests/1m (rate_limited), retry after 12.4 s")
            #expect(server.lines.withLock { $0.count } == 1)
        }
        try await withServer { _, _ in
            .lines(["DENY reason=concurrency limit=tool:b/concurrent/reservation max=2 used=0 held=2 remaining=0"])
        } _: { _, client in
            let error = await #expect(throws: OverLimit.self) { try await client.reserve(.tool("b")) }
            #expect(error?.reason == .concurrency)
            #expect(error?.retryAfter == nil)
        }
    }

    @Test("without a decision, the rule applies", arguments: ["ERR busy", "nonsense"])
    func rules(_ reply: String) async throws {
        for rule in [UnavailableRule.allow, .deny, .throwError] {
            try await withServer(onUnavailable: rule) { _, _ in
                .lines([reply])
            } _: { _, client in
                switch rule {
                case .allow:
                    let reservation = try await client.reserve(.user("a"))
                    #expect(reservation.isDegraded)
                    #expect(reservation.token == nil)
                case .deny:
                    await #expect(throws: OverLimit(Decision(allowed: false, isDegraded: true))) {
                        try await client.reserve(.user("a"))
                    }
                case .throwError:
                    await #expect(throws: TollgateClientError.self) { try await client.reserve(.user("a")) }
                }
            }
        }
    }

    @Test("errors of the sidecar are thrown whatever the rule, and a reserve is sent once")
    func errors() async throws {
        for code in ["unavailable", "timeout", "bad_request", "internal"] {
            try await withServer(onUnavailable: .allow) { _, _ in
                .lines(["ERR \(code) why: so"])
            } _: { server, client in
                await #expect(throws: TollgateClientError.refused(code: code, sentence: "why: so")) {
                    try await client.reserve(.user("a"))
                }
                #expect(server.lines.withLock { $0.count } == 1)
            }
        }
    }

    @Test("without a token, a commit records with one id for the same scopes, and a cancel does nothing")
    func withoutToken() async throws {
        let script: ScriptedServer.Script = { _, line in .lines([line.hasPrefix("RESERVE") ? "ERR busy" : "OK"]) }
        try await withServer(onUnavailable: .allow, script) { server, client in
            let reservation = try await client.reserve(
                .user("a"), .tool("b"), amounts: Amounts(tokens: 500), roles: ["pro"], email: "a@example.com")
            for _ in 0..<2 { try await client.commit(reservation, amounts: Amounts(tokens: 7)) }
            try await client.cancel(reservation)
            try await client.commit(reservation, amounts: Amounts())
            let lines = server.lines.withLock { $0 }
            #expect(lines.count == 3)
            #expect(lines[1] == lines[2])
            #expect(lines[1].hasPrefix("RECORD user=a tool=b tokens=7 id="))
            #expect(lines[1].hasSuffix(" roles=pro email=a@example.com"))
            let other = try await client.reserve(.user("a"), .tool("b"))
            try await client.commit(other, amounts: Amounts(tokens: 7))
            #expect(server.lines.withLock { $0.last } != lines[1])
        }
    }

    @Test("a task that is cancelled while it reserves leaves nothing held")
    func cancelledReserve() async throws {
        let script: ScriptedServer.Script = { _, line in
            switch line.prefix(4) {
            case "RESE": .silence
            // The reply to RESERVE arrives only after the task has been cancelled.
            case "PING": .lines(["ALLOW reservation=t", "PONG"])
            default: .lines(["OK"])
            }
        }
        try await withServer(script) { server, client in
            let call = Task { try await client.reserve(.user("a")) }
            try await server.waitForLine()
            call.cancel()
            try await client.ping()
            await #expect(throws: CancellationError.self) { try await call.value }
            #expect(server.lines.withLock { $0 } == ["RESERVE user=a ttl=60", "PING", "CANCEL reservation=t"])
        }
    }
}

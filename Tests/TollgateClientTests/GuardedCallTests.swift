import Synchronization
import Testing
import TollgateClient

/// `guarded`: reserve, call, then commit or cancel.
@Suite struct GuardedCallTests {
    private struct Broken: Error {}

    private static let script: ScriptedServer.Script = { _, line in
        .lines([line.hasPrefix("RESERVE") ? "ALLOW reservation=t" : "OK"])
    }

    @Test("a call that returns is committed with its usage")
    func commits() async throws {
        try await withServer(Self.script) { server, client in
            let text = try await client.guarded(
                .user("a"), .tool("b"), amounts: Amounts(tokens: 500), timeToLive: .seconds(5), roles: ["pro"]
            ) { reservation in
                (reservation.token, Amounts(tokens: 187, cost: 2))
            }
            #expect(text == "t")
            #expect(
                server.lines.withLock { $0 } == [
                    "RESERVE user=a tool=b tokens=500 ttl=5 roles=pro",
                    "COMMIT reservation=t tokens=187 cost=0.000000002",
                ])
        }
    }

    @Test("a call that throws is cancelled, and its error is rethrown")
    func cancels() async throws {
        try await withServer { _, line in
            line.hasPrefix("CANCEL") ? .lines(["ERR internal"]) : Self.script(1, line)
        } _: { server, client in
            await #expect(throws: Broken.self) {
                try await client.guarded(.user("a")) { _ -> (Int, Amounts) in throw Broken() }
            }
            #expect(server.lines.withLock { $0 } == ["RESERVE user=a ttl=60", "CANCEL reservation=t"])
        }
    }

    @Test("a call over its limit is not made")
    func denied() async throws {
        try await withServer { _, _ in
            .lines(["DENY reason=too_large limit=user:a/cost/request max=1 used=0 remaining=1"])
        } _: { server, client in
            let error = await #expect(throws: OverLimit.self) {
                try await client.guarded(.user("a")) { _ in
                    Issue.record("was called")
                    return ((), Amounts())
                }
            }
            #expect(error?.reason == .tooLarge)
            #expect(server.lines.withLock { $0.count } == 1)
        }
    }

    @Test("a cancelled task cancels its reservation before it ends")
    func cancelledTask() async throws {
        let (started, start) = AsyncStream<Void>.makeStream()
        try await withServer(Self.script) { server, client in
            let call = Task {
                try await client.guarded(.user("a")) { _ in
                    start.finish()
                    try await Task.sleep(for: .seconds(60))
                    return (1, Amounts(tokens: 1))
                }
            }
            for await _ in started {}
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            #expect(server.lines.withLock { $0 } == ["RESERVE user=a ttl=60", "CANCEL reservation=t"])
        }
    }

    @Test("usage is committed, with retries, if the task is cancelled after the call")
    func cancelledAfterCall() async throws {
        let commits = Atomic(0)
        let script: ScriptedServer.Script = { _, line in
            guard line.hasPrefix("COMMIT") else { return Self.script(1, line) }
            return commits.add(1, ordering: .relaxed).newValue == 1 ? .close : .lines(["OK"])
        }
        try await withServer(script) { server, client in
            let call = Task {
                try await client.guarded(.user("a")) { _ in
                    withUnsafeCurrentTask { $0?.cancel() }
                    return (1, Amounts(tokens: 7))
                }
            }
            let value = try await call.value
            #expect(value == 1)
            #expect(
                server.lines.withLock { Array($0.dropFirst()) }
                    == Array(repeating: "COMMIT reservation=t tokens=7", count: 2))
        }
    }

    @Test("a failed commit throws the result, which can be committed later")
    func uncommitted() async throws {
        let isBack = Atomic(false)
        let script: ScriptedServer.Script = { _, line in
            line.hasPrefix("COMMIT") && !isBack.load(ordering: .relaxed)
                ? .lines(["ERR unavailable Redis"]) : Self.script(1, line)
        }
        try await withServer(script) { server, client in
            let error = try #require(
                await #expect(throws: UncommittedUsage<String>.self) {
                    try await client.guarded(.user("a")) { _ in ("page", Amounts(tokens: 7)) }
                })
            #expect(error.value == "page")
            #expect(error.description == "usage not committed: unavailable: Redis")
            isBack.store(true, ordering: .relaxed)
            try await client.commit(error.reservation, amounts: error.amounts)
            #expect(server.lines.withLock { $0.filter { $0 == "COMMIT reservation=t tokens=7" }.count } == 5)
        }
    }

    @Test("without a decision, the rule allow makes the call and records its usage")
    func unavailable() async throws {
        let script: ScriptedServer.Script = { _, line in .lines([line.hasPrefix("RESERVE") ? "ERR busy" : "OK"]) }
        try await withServer(onUnavailable: .allow, script) { server, client in
            let isDegraded = try await client.guarded(.user("a")) { ($0.isDegraded, Amounts(tokens: 7)) }
            #expect(isDegraded)
            #expect(server.lines.withLock { $0.last?.hasPrefix("RECORD user=a tokens=7 id=") } == true)
        }
        try await withServer(onUnavailable: .deny, script) { _, client in
            await #expect(throws: OverLimit.self) {
                try await client.guarded(.user("a")) { _ in (1, Amounts()) }
            }
        }
    }

    /// Uses state that only its actor may touch.
    private actor Agent {
        var pages = 0

        func call(_ client: TollgateClient) async throws -> Int {
            try await client.guarded(.user("a")) { _ in
                pages += 1
                return (pages, Amounts(requests: 1))
            }
        }
    }

    @Test("the closure runs on the actor that calls")
    func isolation() async throws {
        try await withServer(Self.script) { _, client in
            let agent = Agent()
            let pages = [try await agent.call(client), try await agent.call(client)]
            #expect(pages == [1, 2])
        }
    }

    @Test("concurrent calls are committed by their own tokens")
    func tasks() async throws {
        let tokens = Atomic(0)
        let script: ScriptedServer.Script = { _, line in
            guard line.hasPrefix("RESERVE") else { return .lines(["OK"]) }
            return .lines(["ALLOW reservation=t\(tokens.add(1, ordering: .relaxed).newValue)"])
        }
        try await withServer(script) { server, client in
            let expected = try await withThrowingTaskGroup(of: String.self) { group in
                for task in 0..<50 {
                    group.addTask {
                        do {
                            return try await client.guarded(.user("a")) { reservation in
                                if task.isMultiple(of: 2) { throw UncommittedToken(token: reservation.token ?? "") }
                                return ("COMMIT reservation=\(reservation.token ?? "") tokens=1", Amounts(tokens: 1))
                            }
                        } catch let error as UncommittedToken {
                            return "CANCEL reservation=\(error.token)"
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(server.lines.withLock { $0 }.filter { !$0.hasPrefix("RESERVE") }.sorted() == expected.sorted())
        }
    }

    private struct UncommittedToken: Error {
        var token: String
    }
}

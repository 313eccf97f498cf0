import Synchronization
import Testing

@testable import TollgateClient

/// Retries of RECORD, REFUND, COMMIT and CANCEL.
@Suite struct RepetitionTests {
    @Test("every record and refund has its own id unless one is given")
    func ids() async throws {
        try await withServer { _, _ in
            .lines(["OK"])
        } _: { server, client in
            for _ in 0..<3 {
                try await client.record(.user("a"), amounts: Amounts(tokens: 1))
                try await client.refund(.user("a"), amounts: Amounts(tokens: 1))
            }
            let ids = server.lines.withLock { $0 }.compactMap { $0.text(after: " id=") }
            #expect(ids.count == 6)
            #expect(Set(ids).count == 6)
            #expect(ids.allSatisfy { (16...128).contains($0.utf8.count) })
            try await client.record(.user("a"), amounts: Amounts(tokens: 1), id: "invoice 7")
            #expect(server.lines.withLock { $0.last } == #"RECORD user=a tokens=1 id="invoice 7""#)
        }
    }

    @Test(
        "the fields of an OK are in the receipt",
        arguments: [
            ("OK", []), ("OK late=1", ["late"]), ("OK duplicate=1", ["duplicate"]), ("OK queued=1", ["queued"]),
            ("OK later=1 late=1 queued=1 duplicate=0", ["late", "queued"]),
        ])
    func receipts(_ reply: String, _ fields: [String]) async throws {
        try await withServer { _, line in
            .lines([line.hasPrefix("RESERVE") ? "ALLOW reservation=t" : reply])
        } _: { _, client in
            let reservation = try await client.reserve(.user("a"))
            let receipts = [
                try await client.record(.user("a"), amounts: Amounts(tokens: 1)),
                try await client.refund(.user("a"), amounts: Amounts(tokens: 1)),
                try await client.commit(reservation, amounts: Amounts(tokens: 1)),
                try await client.cancel(reservation),
            ]
            for receipt in receipts {
                #expect(receipt.isLate == fields.contains("late"))
                #expect(receipt.isDuplicate == fields.contains("duplicate"))
                #expect(receipt.isQueued == fields.contains("queued"))
            }
        }
    }

    @Test("the warnings of an OK are in the receipt")
    func warnings() async throws {
        let reply = #"OK warn="user:alice/cost/day:80,tool:a,,b c/requests/1h:50" late=1"#
        try await withServer { _, _ in
            .lines([reply])
        } _: { _, client in
            let receipt = try await client.record(.user("alice"), amounts: Amounts(tokens: 1))
            #expect(receipt.isLate)
            #expect(
                receipt.warnings == [
                    LimitWarning(scope: try Scope(parsing: "user:alice"), limit: "cost/day", threshold: 80),
                    LimitWarning(scope: try Scope(parsing: "tool:a,b c"), limit: "requests/1h", threshold: 50),
                ])
        }
    }

    @Test(
        "a missing or transient reply is retried with the same line",
        arguments: [
            ScriptedServer.Answer.close, .silence, .lines(["ERR timeout Redis"]), .lines(["ERR unavailable Redis"]),
            .lines(["ERR busy later"]), .lines(["nonsense"]),
        ])
    func repeated(_ first: ScriptedServer.Answer) async throws {
        let heard = Mutex<[String: Int]>([:])
        let isLate = if case .silence = first { true } else { false }
        let script: ScriptedServer.Script = { _, line in
            if line.hasPrefix("RESERVE") { return .lines(["ALLOW reservation=t"]) }
            let times = heard.withLock { lines in
                lines[line, default: 0] += 1
                return lines[line, default: 0]
            }
            if times == 1 { return first }
            // The late reply belongs to the first attempt and is dropped.
            return .lines(isLate ? ["OK", "OK duplicate=1"] : ["OK duplicate=1"])
        }
        try await withServer(deadline: .seconds(isLate ? 1 : 20), script) { _, client in
            let reservation = try await client.reserve(.user("a"))
            for receipt in [
                try await client.record(.user("a"), amounts: Amounts(tokens: 1)),
                try await client.refund(.user("a"), amounts: Amounts(tokens: 1), id: "7"),
                try await client.commit(reservation, amounts: Amounts(tokens: 1)),
                try await client.cancel(reservation),
            ] { #expect(receipt.isDuplicate) }
            let counts = heard.withLock { $0 }
            #expect(counts.values.allSatisfy { $0 == 2 }, "\(counts)")
            #expect(counts.count == 4)
        }
    }

    @Test("usage whose reply was lost is counted once by its id")
    func countedOnce() async throws {
        let ids = Mutex<Set<String>>([])
        let tokens = Atomic(0)
        let script: ScriptedServer.Script = { connection, line in
            guard ids.withLock({ $0.insert(line.text(after: " id=") ?? "").inserted }) else {
                return .lines(["OK duplicate=1"])
            }
            tokens.add(5, ordering: .relaxed)
            return connection == 1 ? .close : .lines(["OK"])
        }
        try await withServer(script) { server, client in
            let receipt = try await client.record(.user("a"), amounts: Amounts(tokens: 5))
            #expect(receipt.isDuplicate)
            #expect(tokens.load(ordering: .relaxed) == 5)
            #expect(server.connections.load(ordering: .relaxed) == 2)
        }
    }

    @Test("after four attempts the error is thrown")
    func bounded() async throws {
        try await withServer { _, _ in
            .lines(["ERR unavailable Redis is away"])
        } _: { server, client in
            await #expect(throws: TollgateClientError.refused(code: "unavailable", sentence: "Redis is away")) {
                try await client.record(.user("a"), amounts: Amounts(tokens: 1))
            }
            let lines = server.lines.withLock { $0 }
            #expect(lines.count == 4)
            #expect(Set(lines).count == 1)
        }
    }

    @Test(
        "a rejected request is not retried",
        arguments: ["bad_request", "not_found", "unauthenticated", "unknown_verb", "internal", "later_code"])
    func refused(_ code: String) async throws {
        try await withServer { _, line in
            .lines([line.hasPrefix("RESERVE") ? "ALLOW reservation=t" : "ERR \(code) why: so"])
        } _: { server, client in
            let reservation = try await client.reserve(.user("a"))
            let error = TollgateClientError.refused(code: code, sentence: "why: so")
            await #expect(throws: error) { try await client.record(.user("a"), amounts: Amounts(tokens: 1)) }
            await #expect(throws: error) { try await client.refund(.user("a"), amounts: Amounts(tokens: 1)) }
            await #expect(throws: error) { try await client.commit(reservation, amounts: Amounts(tokens: 1)) }
            await #expect(throws: error) { try await client.cancel(reservation) }
            #expect(server.lines.withLock { $0.count } == 5)
        }
    }

    @Test("invalid amounts and ids are rejected before they are sent")
    func badRequests() async throws {
        try await withServer { _, _ in
            .lines(["ALLOW reservation=t"])
        } _: { server, client in
            let reservation = try await client.reserve(.user("a"))
            for (amounts, id, sentence) in [
                (
                    Amounts(), "7",
                    "RECORD: names no amount; expected tokens=, input_tokens=, output_tokens=, cost= or requests="
                ), (Amounts(tokens: 1), "", "id: empty value"),
                (Amounts(tokens: 1), String(repeating: "x", count: 129), "id: longer than 128 bytes"),
            ] {
                await #expect(throws: TollgateClientError.refused(code: "bad_request", sentence: sentence)) {
                    try await client.record(.user("a"), amounts: amounts, id: id)
                }
            }
            let error = TollgateClientError.refused(
                code: "bad_request", sentence: "tokens: expected a whole number")
            await #expect(throws: error) { try await client.commit(reservation, amounts: Amounts(tokens: -1)) }
            #expect(server.lines.withLock { $0.count } == 1)
        }
    }

    @Test("cancellation ends a record between attempts, and shutdown at once")
    func ended() async throws {
        try await withServer { _, _ in
            .lines(["ERR busy"])
        } _: { server, client in
            let call = Task { try await client.record(.user("a"), amounts: Amounts(tokens: 1)) }
            try await server.waitForLine()
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            await client.shutdown()
            await #expect(throws: TollgateClientError.closed) {
                try await client.record(.user("a"), amounts: Amounts(tokens: 1))
            }
        }
    }

    @Test("the delay between attempts is quadrupled")
    func waits() {
        #expect(
            (1...3).map { Retry.wait(after: $0, jitter: 1) } == [
                .milliseconds(100), .milliseconds(400), .milliseconds(1_600),
            ])
        #expect(Retry.wait(after: 2, jitter: 0.75) == .milliseconds(300))
    }
}

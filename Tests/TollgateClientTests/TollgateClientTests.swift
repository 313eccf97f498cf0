import Foundation
import Synchronization
import Testing
import TollgateClient

/// An ALLOW whose limit is the id of the line's user, so that tests can match replies to requests.
@Sendable func echo(_ line: String) -> ScriptedServer.Answer {
    .lines(["ALLOW limit=" + (line.text(after: "user=") ?? "none")])
}

/// Checks that a call receives its own reply from a server that echoes.
func expectEcho(_ id: String, _ client: TollgateClient) async throws {
    let decision = try await client.check(.user(id))
    #expect(decision.limit == id)
}

extension String {
    /// The text after the first occurrence of another.
    func text(after text: String) -> String? {
        firstRange(of: text).map { String(self[$0.upperBound...]) }
    }
}

@Suite struct TollgateClientTests {
    @Test("a check sends one line and returns a decision")
    func check() async throws {
        let reply = "DENY reason=rate_limited limit=user:alice/requests/1m max=60 used=60 remaining=0 retry_after=12.4"
        try await withServer { _, _ in
            .lines([reply])
        } _: { server, client in
            let decision = try await client.check(
                .user("Alice B"), .tool("search"), amounts: Amounts(tokens: 200, cost: 1_500_000_000),
                roles: ["a", "b"])
            #expect(!decision.allowed)
            #expect(decision.reason == .rateLimited)
            #expect(decision.retryAfter == 12.4)
            #expect(
                server.lines.withLock { $0 } == ["CHECK user=\"Alice B\" tool=search tokens=200 cost=1.5 roles=a,b"])
        }
    }

    @Test("each verb is encoded as one line")
    func verbs() async throws {
        let script: ScriptedServer.Script = { _, line in
            if line == "PING" { return .lines(["PONG"]) }
            return .lines([line.hasPrefix("PEEK") ? "ALLOW" : "OK"])
        }
        try await withServer(script) { server, client in
            #expect(try await client.peek([.scope("region", "eu")]) == Decision(allowed: true))
            try await client.record(.user("a"), amounts: Amounts(tokens: 5, cost: try Money(parsing: "0.25")), id: "7")
            try await client.refund(.user("a"), amounts: Amounts(requests: 1), id: "b c")
            try await client.ping()
            #expect(
                server.lines.withLock { $0 }
                    == [
                        "PEEK region=eu", "RECORD user=a tokens=5 cost=0.25 id=7",
                        #"REFUND user=a requests=1 id="b c""#,
                        "PING",
                    ])
        }
    }

    @Test(
        "a cost of any unit is sent exactly",
        arguments: ["0.000000001", "9000000", "12500000.5", "25000000000", "9000000000000000"])
    func costs(_ text: String) async throws {
        try await withServer { _, _ in
            .lines(["OK"])
        } _: { server, client in
            try await client.record(.user("a"), amounts: Amounts(cost: try Money(parsing: text)), id: "7")
            #expect(server.lines.withLock { $0 } == ["RECORD user=a cost=\(text) id=7"])
        }
    }

    @Test("a cost that is too large or negative is refused before it is sent")
    func badCosts() async throws {
        try await withServer { _, _ in
            .lines(["OK"])
        } _: { server, client in
            for (cost, sentence) in [
                ("9000000000000001", "cost: more than 9000000000000000"),
                ("-5", "cost: expected a decimal number such as 0.25"),
            ] {
                let error = await #expect(throws: TollgateClientError.self) {
                    try await client.record(.user("a"), amounts: Amounts(cost: try Money(parsing: cost)), id: "7")
                }
                #expect(error == .refused(code: "bad_request", sentence: sentence))
            }
            #expect(server.lines.withLock { $0 }.isEmpty)
        }
    }

    @Test("usage is decoded, and asks for a composite scope in its canonical text")
    func usage() async throws {
        let json = """
            {"scope":"user:a+tool:b","limits":[{"limit":"requests/1m","max":60,"used":3,"held":0,"remaining":57,"percent":5.0,\
            "resets_at":"2026-11-20T10:00:00Z","mode":"enforce","source":"defaults"},{"limit":"cost/total","max":null,\
            "used":"12.5","held":"0","remaining":null,"percent":null,"resets_at":null,"mode":"shadow","source":"scope"}]}
            """
        try await withServer { _, _ in
            .lines([json])
        } _: { server, client in
            let usage = try await client.usage(.tool("b"), .user("a"))
            #expect(server.lines.withLock { $0 } == ["USAGE scope=user:a+tool:b"])
            #expect(usage.limits.map(\.limit) == ["requests/1m", "cost/total"])
            #expect(usage.limits[0].max == Quantity("60"))
            #expect(usage.limits[0].percent == 5)
            #expect(usage.limits[0].resetsAt?.timeIntervalSince1970 == 1_795_168_800)
            #expect(usage.limits[1].used == Quantity("12.5"))
            #expect(usage.limits[1].max == nil)
            #expect(usage.limits[1].resetsAt == nil)
            _ = try await client.usage(.global)
            #expect(server.lines.withLock { $0.last } == "USAGE scope=global")
        }
    }

    @Test("concurrent tasks share one connection, and each gets its own reply")
    func ordering() async throws {
        try await withServer { _, line in
            echo(line)
        } _: { server, client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<40 {
                    group.addTask {
                        for call in 0..<100 {
                            let id = "\(task)-\(call)"
                            try await expectEcho(id, client)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(server.connections.load(ordering: .relaxed) == 1)
            #expect(server.lines.withLock { $0.count } == 4_000)
        }
    }

    @Test("calls are pipelined")
    func pipelining() async throws {
        let held = Mutex<[String]>([])
        let script: ScriptedServer.Script = { _, line in
            // No call is answered before the tenth arrives.
            held.withLock { lines in
                lines.append("ALLOW limit=\(line.dropFirst("CHECK user=".count))")
                return lines.count == 10 ? .lines(lines) : .silence
            }
        }
        try await withServer(script) { _, client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in 0..<10 {
                    group.addTask { try await expectEcho("\(id)", client) }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test(
        "an invalid request is rejected before it is sent, whatever the rule",
        arguments: [
            (Scope.Part.user("a\nCHECK user=b"), Amounts(), "user: control character"),
            (.user(""), Amounts(), "user: empty value"),
            (.user(String(repeating: "a", count: 257)), Amounts(), "user: longer than 256 bytes"),
            (
                .scope("user=b tool", "c"), Amounts(),
                "user=b tool: a kind is a lower-case letter, then up to 31 of a-z 0-9 _"
            ),
            (.scope("requests", "5"), Amounts(), "requests: is a word of the protocol and cannot be a kind"),
            (.user("a"), Amounts(tokens: -1), "tokens: expected a whole number"),
            (.user("a"), Amounts(requests: 1_000_001), "requests: more than 1000000"),
        ])
    func badRequest(_ part: Scope.Part, _ amounts: Amounts, _ sentence: String) async throws {
        try await withServer(onUnavailable: .allow) { _, line in
            echo(line)
        } _: { server, client in
            await #expect(throws: TollgateClientError.refused(code: "bad_request", sentence: sentence)) {
                try await client.check(part, amounts: amounts)
            }
            let refusal = TollgateClientError.refused(code: "bad_request", sentence: "user: duplicate argument")
            await #expect(throws: refusal) {
                try await client.check(.user("a"), .user("b"))
            }
            await #expect(throws: TollgateClientError.self) { try await client.check(.user("a"), roles: ["b,c"]) }
            #expect(server.lines.withLock { $0 } == [])
        }
    }

    @Test("a token is sent first")
    func auth() async throws {
        let script: ScriptedServer.Script = { _, line in
            line.hasPrefix("AUTH ")
                ? .lines([line == "AUTH \"s3 cret\"" ? "OK" : "ERR unauthenticated wrong token"]) : echo(line)
        }
        try await withServer(token: "s3 cret", script) { server, client in
            try await expectEcho("a", client)
            #expect(server.lines.withLock { $0 } == ["AUTH \"s3 cret\"", "CHECK user=a"])
        }
        try await withServer(token: "wrong", onUnavailable: .allow, script) { server, client in
            // Also during the backoff.
            for _ in 0..<5 {
                await #expect(throws: TollgateClientError.refused(code: "unauthenticated", sentence: "wrong token")) {
                    try await client.check(.user("a"))
                }
            }
            #expect(server.lines.withLock { $0 }.allSatisfy { $0 == "AUTH wrong" })
        }
    }

    @Test(
        "an address is parsed and printed",
        arguments: ["127.0.0.1:7379", "localhost:1", "[::1]:7379", "unix:/tmp/a b.sock"])
    func address(_ text: String) throws {
        #expect(try TollgateAddress(parsing: text).description == text)
    }

    @Test(
        "a bad address is an error",
        arguments: ["", "host", ":1", "host:", "host:0", "host:65536", "host:+1", "::1:7379", "unix:"])
    func badAddress(_ text: String) {
        #expect(throws: TollgateAddressError.self) { try TollgateAddress(parsing: text) }
    }
}

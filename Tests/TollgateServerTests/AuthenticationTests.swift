import Foundation
import Testing
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateServer

/// A sidecar with a token.
@Suite struct AuthenticationTests {
    private func withToken(_ body: (ServerHarness) async throws -> Void) async throws {
        try await withServer(adjust: { $0.token = "sésame ouvre-toi 42" }, body)
    }

    @Test("before AUTH every verb but AUTH, HELLO and QUIT is unauthenticated")
    func beforeToken() async throws {
        try await withToken { harness in
            let lines = [
                "CHECK user=a", "PEEK user=a", "RECORD user=a requests=1", "REFUND user=a requests=1",
                "USAGE scope=user:a",
                "PING", "INFO", "STATUS", "HELP", "ALERTS", "ALERTS after=0-0",
            ]
            let replies = try await harness.client().ask(lines)
            #expect(replies == Array(repeating: "ERR unauthenticated AUTH with the token first", count: lines.count))
            let client = try harness.client()
            for words in [resp("ECHO", "a"), resp("CLIENT", "ID"), resp("COMMAND"), resp("SELECT", "0"), resp("PING")] {
                try await client.send(words)
                #expect(try await client.readLine() == "-ERR unauthenticated AUTH with the token first")
            }
            try await client.send(resp("HELLO", "2"))
            #expect(try await client.readLine() == "-ERR unauthenticated HELLO 2 AUTH user token, or AUTH first")
            try await client.send(resp("QUIT"))
            #expect(String(decoding: try await client.readToEnd(), as: UTF8.self) == "+OK\r\n")
            #expect(try harness.scopesLeft() == [])
        }
    }

    @Test("the right token authenticates its connection only")
    func rightToken() async throws {
        try await withToken { harness in
            let client = try harness.client()
            #expect(
                try await client.ask("AUTH wrong", "PING", "AUTH \"sésame ouvre-toi 42\"", "PING", "CHECK user=a") == [
                    "ERR unauthenticated wrong token", "ERR unauthenticated AUTH with the token first", "OK", "PONG",
                    "ALLOW",
                ])
            #expect(try await harness.ask("PING") == ["ERR unauthenticated AUTH with the token first"])
        }
    }

    @Test(
        "the whole token is compared",
        arguments: [
            "sésame", "sésame ouvre-toi 42 ", "sésame ouvre-toi 4", "Sésame ouvre-toi 42",
            "sésame ouvre-toi 42sésame ouvre-toi 42",
        ])
    func nearMisses(token: String) async throws {
        try await withToken { harness in
            let replies = try await harness.ask("AUTH \"\(token)\"")
            #expect(replies == ["ERR unauthenticated wrong token"])
        }
    }

    @Test("Redis clients send the token as a password, with or without a user, or in HELLO")
    func asPassword() async throws {
        try await withToken { harness in
            for words in [
                resp("AUTH", "sésame ouvre-toi 42"), resp("AUTH", "default", "sésame ouvre-toi 42"),
                resp("HELLO", "2", "AUTH", "default", "sésame ouvre-toi 42"),
            ] {
                let client = try harness.client()
                try await client.send(words)
                let reply = try await client.readLine()
                #expect(reply == "+OK" || reply == "*12")
                try await client.send(resp("CHECK", "user=a") + resp("QUIT"))
                #expect(
                    String(decoding: try await client.readToEnd(), as: UTF8.self).hasSuffix("$5\r\nALLOW\r\n+OK\r\n"))
            }
        }
    }

    @Test("the fifth wrong token closes the connection, and nothing after it is read")
    func fiveWrong() async throws {
        try await withToken { harness in
            let client = try harness.client()
            let wrong = Array(repeating: "AUTH wrong", count: 5)
            try await client.send((wrong + ["AUTH \"sésame ouvre-toi 42\"", "PING"]).map { $0 + "\n" }.joined())
            let replies = String(decoding: try await client.readToEnd(), as: UTF8.self)
            #expect(replies == String(repeating: "ERR unauthenticated wrong token\n", count: 5))
            let frames = try harness.client()
            for _ in 0..<5 { try await frames.send(resp("HELLO", "2", "AUTH", "default", "wrong")) }
            #expect(
                String(decoding: try await frames.readToEnd(), as: UTF8.self)
                    == String(repeating: "-ERR unauthenticated wrong token\r\n", count: 5))
        }
    }

    @Test(
        "after ten wrong tokens in a minute a wrong one is answered late and closes the connection; a right one is not")
    func manyWrong() async throws {
        let log = CapturedLog()
        try await withServer(
            logger: log.logger,
            adjust: { ($0.token, $0.wrongTokenDelay) = ("sésame ouvre-toi 42", .milliseconds(700)) }
        ) { harness in
            for _ in 0..<10 { #expect(try await harness.ask("AUTH wrong") == ["ERR unauthenticated wrong token"]) }
            let late = try harness.client()
            let started = ContinuousClock.now
            try await late.send("AUTH wrong\nAUTH \"sésame ouvre-toi 42\"\nPING\n")
            #expect(try await harness.ask("AUTH \"sésame ouvre-toi 42\"", "PING") == ["OK", "PONG"])
            let replies = String(decoding: try await late.readToEnd(), as: UTF8.self)
            #expect(replies == "ERR unauthenticated wrong token\n")
            #expect(ContinuousClock.now - started >= .milliseconds(700))
            #expect(await harness.sidecar.report().clients.wrongTokens == 11)
            let lines = log.text.split(separator: "\n").filter { $0.contains("wrong token") }
            let expected =
                Array(repeating: "warning line port: wrong token from=127.0.0.1", count: 10)
                + ["warning line port: more wrong tokens, not logged one by one from=127.0.0.1"]
            #expect(lines.map(String.init) == expected)
            #expect(!log.text.contains("ouvre-toi"))
        }
    }

    @Test("a connection without the token is closed in time, whatever else it sends; an authenticated one stays")
    func silent() async throws {
        try await withServer(
            adjust: { ($0.token, $0.authenticationTimeout) = ("sésame ouvre-toi 42", .milliseconds(400)) }
        ) { harness in
            let (silent, asking, right) = (try harness.client(), try harness.unixClient(), try harness.client())
            #expect(try await right.ask("AUTH \"sésame ouvre-toi 42\"") == ["OK"])
            try await asking.send("PING\n")
            let late = "ERR unauthenticated no AUTH within the deadline\n"
            #expect(String(decoding: try await silent.readToEnd(), as: UTF8.self) == late)
            let replies = String(decoding: try await asking.readToEnd(), as: UTF8.self)
            #expect(replies == "ERR unauthenticated AUTH with the token first\n" + late)
            try await eventually { await harness.sidecar.report().counts.connections == 1 }
            #expect(try await right.ask("PING") == ["PONG"])
        }
    }

    @Test("a token of fewer than 16 or more than 512 bytes is refused", arguments: ["", "fifteen letters", long])
    func badLength(token: String) {
        let nowhere = RedisAddress(endpoint: .unix(path: "/nowhere"), credentials: nil)
        var settings = ServerSettings(redis: nowhere, workers: 1)
        settings.token = token
        let error = #expect(throws: OperatorError.self) { try settings.validate() }
        #expect(error?.description == "token: expected 16 to 512 bytes")
    }

    private static let long = String(repeating: "a", count: 513)

    @Test("if no token is set, AUTH says so")
    func noToken() async throws {
        try await withServer { harness in
            let replies = try await harness.ask("AUTH secret", "PING")
            #expect(replies == ["ERR bad_request AUTH: no token is set on this server", "PONG"])
        }
    }
}

import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// The refusal of MULTI.
@Suite struct TransactionTests {
    static let policy = "defaults: { user: { cost: { total: 100 } } }"
    private static let multi = "-ERR bad_request MULTI: not supported, and nothing up to EXEC is carried out"
    private static let abort = "-EXECABORT transaction discarded: MULTI is not supported"

    private static func notCarriedOut(_ verb: String) -> String {
        "-ERR bad_request \(verb): not carried out, as MULTI is not supported"
    }

    @Test("requests from MULTI to EXEC get errors and have no effect; later ones are carried out")
    func exec() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            try await client.send(
                resp("MULTI") + resp("RECORD", "user=a", "cost=1") + resp("ALERTS") + resp("PING") + resp("NONSENSE")
                    + resp("MULTI") + resp("EXEC") + resp("RECORD", "user=a", "cost=2") + resp("EXEC"))
            let expected = [
                Self.multi, Self.notCarriedOut("RECORD"), Self.notCarriedOut("ALERTS"), Self.notCarriedOut("PING"),
                "-ERR unknown_verb NONSENSE", "-ERR bad_request MULTI: within another", Self.abort, "+OK",
                "-ERR bad_request EXEC: without MULTI",
            ]
            for line in expected { #expect(try await client.readLine() == line) }
            #expect(try harness.redis.hash("tollgate:user:a")["cost/total"] == "2000000000")
        }
    }

    @Test("DISCARD and QUIT end a refused transaction")
    func discard() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            try await client.send(
                resp("multi") + resp("RECORD", "user=a", "cost=1") + resp("DISCARD") + resp("PING") + resp("DISCARD")
                    + resp("MULTI") + resp("QUIT"))
            let replies = String(decoding: try await client.readToEnd(), as: UTF8.self)
            let expected = [
                Self.multi, Self.notCarriedOut("RECORD"), "+OK", "+PONG", "-ERR bad_request DISCARD: without MULTI",
                Self.multi, "+OK",
            ]
            #expect(replies == expected.map { $0 + "\r\n" }.joined())
            #expect(try harness.scopesLeft() == [])
        }
    }

    @Test("a client that never sends EXEC gets errors, and is disconnected after five seconds")
    func abandoned() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            try await client.send(resp("MULTI") + resp("PING"))
            for line in [Self.multi, Self.notCarriedOut("PING")] { #expect(try await client.readLine() == line) }
            try await Task.sleep(for: .seconds(5.1))
            try await client.send(resp("RECORD", "user=a", "cost=1") + resp("RECORD", "user=a", "cost=2"))
            let rest = String(decoding: try await client.readToEnd(), as: UTF8.self)
            #expect(rest == Self.notCarriedOut("RECORD") + "\r\n")
            #expect(try harness.scopesLeft() == [])
        }
    }

    @Test("the refusal of MULTI over the line protocol")
    func lines() async throws {
        try await withServer(policy: Self.policy) { harness in
            let replies = try await harness.ask("MULTI", "REFUND user=a cost=1", "EXEC", "RECORD user=a cost=2")
            #expect(
                replies == [
                    String(Self.multi.dropFirst()), String(Self.notCarriedOut("REFUND").dropFirst()),
                    "ERR bad_request EXEC: transaction discarded: MULTI is not supported", "OK",
                ])
        }
    }

    @Test("MULTI before AUTH is refused too: an AUTH within it has no effect")
    func beforeToken() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.token = "secret-of-the-tests" }) { harness in
            let client = try harness.client()
            try await client.send(
                resp("MULTI") + resp("AUTH", "secret-of-the-tests") + resp("RECORD", "user=a", "cost=1") + resp("EXEC"))
            #expect(try await client.readLine() == "-ERR unauthenticated AUTH with the token first")
            #expect(try await client.readLine() == Self.notCarriedOut("AUTH"))
            #expect(try await client.readLine() == Self.notCarriedOut("RECORD"))
            #expect(try await client.readLine() == Self.abort)
            #expect(try harness.scopesLeft() == [])
        }
    }
}

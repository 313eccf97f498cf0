import Foundation
import Testing
import TollgateTestSupport

/// Web pages and programs with another protocol cannot do any harm.
@Suite struct ForeignClientTests {
    static let policy = "defaults: { user: { cost: { total: 100 } } }"
    private static let http = "ERR bad_request this port does not speak HTTP; the admin API has its own port\n"
    private static let refund = "\nREFUND user=alice cost=20\n"

    /// The request that `fetch("http://127.0.0.1:7379/", {method: "POST", mode: "no-cors", body: …})` sends.
    private static let post =
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:7379\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: 27\r\n"
        + "Origin: https://example.com\r\n\r\n"

    static let attempts: [(name: String, bytes: String, replies: String)] = [
        ("POST", post + refund, http),
        ("GET", "GET /\nREFUND HTTP/1.1\r\n" + refund, http),
        ("HTTP/1.0", "BREW /pot HTTP/1.0\r\n\r\n" + refund, http),
        ("Host", "X-First: x\r\nHost: 127.0.0.1:7379\r\n" + refund, "ERR unknown_verb X-First:\n" + http),
        (
            "TLS", "\u{16}\u{03}\u{01}\n\u{01}" + refund,
            "ERR bad_request this port does not speak TLS\n"
        ),
        (
            "unknown verbs", String(repeating: "x: y\r\n", count: 20) + refund,
            String(repeating: "ERR unknown_verb x:\n", count: 15) + "ERR unknown_verb 16 in a row\n"
        ),
    ]

    @Test("HTTP, a Host line, TLS and many unknown verbs get one error and a disconnect, and have no effect")
    func refused() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        let client = try SocketClient(.tcp(port: sidecar.port))
        #expect(try await client.ask("RECORD user=alice cost=30") == ["OK"])
        for attempt in Self.attempts {
            let attacker = try SocketClient(.tcp(port: sidecar.port))
            try await attacker.send(attempt.bytes)
            let replies = String(decoding: try await attacker.readToEnd(), as: UTF8.self)
            #expect(replies == attempt.replies, "\(attempt.name)")
        }
        #expect(try await client.ask("PEEK user=alice")[0].contains(" used=30 "))
        #expect(try await sidecar.count("foreign") == Self.attempts.count)
        let lines = sidecar.process.log.split(separator: "\n").filter { $0.contains("does not speak its protocol") }
        #expect(lines.first?.contains("spoke=http") == true)
        #expect(lines.first?.contains("from=127.0.0.1") == true)
        // One line and the notice about more, twice if a minute has ended in between.
        #expect((1...2).contains(lines.count))
        try await eventually {
            sidecar.process.log.contains("more clients that do not speak its protocol, not logged one by one")
        }
    }
}

import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// Invalid input on a live connection.
@Suite struct BadInputTests {
    static let policy = "defaults: { user: { requests: { total: 9000000 } } }"

    /// Checks that the sidecar still works, and that a concurrent client was not affected.
    private func withBystander(_ body: (ServerHarness) async throws -> Void) async throws {
        try await withServer(policy: Self.policy) { harness in
            let bystander = try Bystander(harness)
            try await body(harness)
            #expect(try await bystander.stop() > 0)
            #expect(try await harness.ask("PING") == ["PONG"])
        }
    }

    @Test("the table has at least sixty rows")
    func size() {
        #expect(BadInput.lines.count + BadInput.frames.count + BadInput.broken.count >= 60)
    }

    @Test("a malformed line gets its documented error, and the connection stays open")
    func lines() async throws {
        try await withBystander { harness in
            let client = try harness.client()
            for bad in BadInput.lines {
                try await client.send(bad.bytes + Array("PING\n".utf8))
                #expect(try await client.readLine() == "ERR " + bad.error)
                #expect(try await client.readLine() == "PONG", "after \(bad.error)")
            }
        }
    }

    @Test("a malformed frame gets its documented error, and the connection stays open")
    func frames() async throws {
        try await withBystander { harness in
            let client = try harness.client()
            for bad in BadInput.frames {
                try await client.send(bad.bytes + resp("PING"))
                #expect(try await client.readLine() == "-ERR " + bad.error)
                #expect(try await client.readLine() == "+PONG", "after \(bad.error)")
            }
            try await client.send(resp("HELLO", "4") + resp("PING"))
            #expect(try await client.readLine() == "-NOPROTO unsupported protocol version")
            #expect(try await client.readLine() == "+PONG")
        }
    }

    @Test("a broken frame gets its documented error, and the connection is closed")
    func brokenFrames() async throws {
        try await withBystander { harness in
            for bad in BadInput.broken {
                let client = try harness.client()
                try await client.send(resp("PING") + bad.bytes + resp("PING"))
                let replies = String(decoding: try await client.readToEnd(), as: UTF8.self)
                #expect(replies == "+PONG\r\n-ERR \(bad.error)\r\n")
            }
        }
    }

    @Test("an endless line is refused long before 10 MB, and the client can read the reason")
    func endlessLine() async throws {
        try await withBystander { harness in
            for client in [try harness.client(), try harness.unixClient()] {
                try await client.send(Array(repeating: UInt8(ascii: "A"), count: 10_000_000))
                let replies = String(decoding: try await client.readToEnd(), as: UTF8.self)
                #expect(replies == "ERR line_too_long a line has at most 65536 bytes\n")
            }
        }
    }

    @Test("a line of 65536 bytes is read, one of 65537 is not")
    func maxLineLength() async throws {
        try await withBystander { harness in
            let fitting = "PING" + String(repeating: " ", count: 65_532)
            #expect(try await harness.ask(fitting, "PING") == ["PONG", "PONG"])
            let client = try harness.client()
            #expect(
                try await client.ask(fitting + " ", "PING") == [
                    "ERR line_too_long a line has at most 65536 bytes", "(closed)",
                ])
        }
    }

    static let requests = [
        "PING\n", "check user=\"Alice B\" requests=2\r\n", "PEEK user=a tool=b\n", "RECORD user=a cost=0.5 tokens=7\n",
        "USAGE scope=user:a\n", "NONSENSE\n",
    ]
    static let frames = [
        resp("PING"), resp("CHECK", "user=a b", "requests=2"), resp("USAGE", "scope=user:a"), resp("NONSENSE"),
    ]

    /// Returns all proper prefixes of the requests.
    static var prefixes: [[UInt8]] {
        (requests.map { Array($0.utf8) } + frames).flatMap { request in
            (1..<request.count).map { Array(request[..<$0]) }
        }
    }

    @Test("half a request followed by a half-close gets no reply, and the connection is closed")
    func prefixThenEnd() async throws {
        try await withBystander { harness in
            for prefix in Self.prefixes {
                let client = try harness.client()
                try await client.send(prefix)
                client.finishSending()
                #expect(try await client.readToEnd() == [])
            }
        }
    }

    @Test("half a request and then silence is closed by the idle timeout, without a reply")
    func prefixThenSilence() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.idleTimeout = .after(.seconds(1)) }) { harness in
            let clients = try Self.prefixes.map { (try harness.client(), $0) }
            for (client, prefix) in clients { try await client.send(prefix) }
            for (client, _) in clients { #expect(try await client.readToEnd() == []) }
            #expect(try await harness.ask("PING") == ["PONG"])
        }
    }

    @Test("requests sent byte by byte get the same replies")
    func byteByByte() async throws {
        try await withBystander { harness in
            let client = try harness.unixClient()
            for byte in Self.requests.joined().utf8 { try await client.send([byte]) }
            var replies: [String] = []
            for _ in Self.requests { replies.append(try await client.readLine() ?? "(closed)") }
            #expect(replies.map { String($0.prefix(5)) } == ["PONG", "ALLOW", "ALLOW", "OK", "{\"lim", "ERR u"])
            let other = try harness.unixClient()
            for byte in Self.frames.joined() { try await other.send([byte]) }
            #expect(try await other.readLine() == "+PONG")
            #expect(try await other.readLine()?.hasPrefix("$") == true)
            #expect(try await other.readLine()?.hasPrefix("ALLOW limit=\"user:a b/requests/total\"") == true)
            #expect(try await other.readLine()?.hasPrefix("$") == true)
            #expect(try await other.readLine()?.hasPrefix("{\"limits\"") == true)
            #expect(try await other.readLine() == "-ERR unknown_verb NONSENSE")
        }
    }
}

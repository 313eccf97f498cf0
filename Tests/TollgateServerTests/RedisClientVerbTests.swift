import Testing
import TollgateTestSupport
import TollgateWire

@testable import TollgateServer

/// COMMAND and CLIENT, as Redis clients send them.
@Suite struct RedisClientVerbTests {
    /// Sends a command and returns the lines of the reply, up to that of an ECHO after it.
    private func ask(_ client: SocketClient, _ words: String...) async throws -> [String] {
        try await client.send(frame(words) + resp("ECHO", "the end"))
        var lines: [String] = []
        while let line = try await client.readLine(), line != "the end" { lines.append(line) }
        return lines.dropLast()
    }

    private func frame(_ words: [String]) -> [UInt8] {
        Array(("*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()).utf8)
    }

    @Test("COMMAND COUNT is an integer, and LIST, INFO, DOCS and COMMAND itself have as many entries")
    func command() async throws {
        try await withServer { harness in
            let client = try harness.client()
            let count = try #require(try await ask(client, "COMMAND", "COUNT").first)
            let number = try #require(Int(count.dropFirst()))
            #expect(count.hasPrefix(":"))
            #expect(number == Verb.allCases.count - 3)
            let names = try await ask(client, "COMMAND", "LIST")
            #expect(names.first == "*\(number)")
            #expect(names.contains("check") && names.contains("usage") && !names.contains("multi"))
            #expect(try await ask(client, "COMMAND").first == "*\(number)")
            #expect(try await ask(client, "COMMAND", "DOCS").first == "*\(2 * number)")
            #expect(
                try await ask(client, "COMMAND", "INFO", "check", "get") == [
                    "*2", "*10", "$5", "check", ":-2", "*1", "+fast", ":0", ":0", ":0", "*1", "+@fast", "*0", "*0",
                    "*0", "*-1",
                ])
            let docs = try await ask(client, "COMMAND", "DOCS", "ping", "get")
            #expect(docs.prefix(7) == ["*2", "$4", "ping", "*6", "$7", "summary", "$10"])
            #expect(
                try await ask(client, "COMMAND", "GETKEYS", "check")[0].hasPrefix("-ERR bad_request COMMAND: expected ")
            )
        }
    }

    @Test("after HELLO 3, documentation is a map and an unknown command is null")
    func resp3() async throws {
        try await withServer { harness in
            let client = try harness.client()
            _ = try await ask(client, "HELLO", "3")
            #expect(try await ask(client, "COMMAND", "DOCS", "ping").prefix(4) == ["%1", "$4", "ping", "%3"])
            #expect(try await ask(client, "COMMAND", "INFO", "get") == ["*1", "_"])
            #expect(try await ask(client, "CLIENT", "GETNAME") == ["_"])
        }
    }

    @Test("CLIENT remembers the name and the library of a connection, and each connection has an id of its own")
    func client() async throws {
        try await withServer { harness in
            let (client, other) = (try harness.client(), try harness.client())
            #expect(try await ask(client, "CLIENT", "GETNAME") == ["$-1"])
            #expect(try await ask(client, "CLIENT", "SETNAME", "worker-1") == ["+OK"])
            #expect(try await ask(client, "CLIENT", "SETINFO", "LIB-NAME", "redis-py") == ["+OK"])
            #expect(try await ask(client, "CLIENT", "SETINFO", "lib-ver", "5.1.0") == ["+OK"])
            #expect(try await ask(client, "CLIENT", "GETNAME") == ["$8", "worker-1"])
            let info = try await ask(client, "CLIENT", "INFO").joined()
            #expect(info.contains(" name=worker-1 db=0 resp=2 lib-name=redis-py lib-ver=5.1.0"))
            #expect(try await ask(client, "CLIENT", "ID") != ask(other, "CLIENT", "ID"))
            for words in [["CLIENT", "SETNAME", "two words"], ["CLIENT", "SETINFO", "LIB-COLOR", "x"]] {
                try await client.send(frame(words))
                #expect(try await client.readLine()?.hasPrefix("-ERR bad_request CLIENT ") == true)
            }
        }
    }
}

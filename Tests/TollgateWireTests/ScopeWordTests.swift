import NIOCore
import Testing
import TollgateCore

@testable import TollgateWire

/// Scopes as words of requests, in both forms.
@Suite struct ScopeWordTests {
    @Test(
        "kind:id names the same scope as kind=id",
        arguments: ["alice", "a:b=c", "a,b", "😀", "x_y-z.1"])
    func bothForms(_ id: String) throws {
        for verb in ["CHECK", "PEEK", "RESERVE"] {
            let colon = try request("\(verb) user:\(id) tool:search")
            #expect(colon.scopeTexts == ["user:\(id)", "tool:search"])
            #expect(try request("\(verb) user=\(id) tool=search").scopeTexts == colon.scopeTexts)
            #expect(read([frame([verb, "user:\(id)", "tool=search"])]).first?.request?.scopeTexts == colon.scopeTexts)
        }
    }

    @Test("in a kind:id, + joins scopes and ++ is a plus sign within an id")
    func joined() throws {
        #expect(try request("CHECK user:alice+tool:search").scopeTexts == ["user:alice", "tool:search"])
        #expect(try request("CHECK user:alice+tool=search cost=1").scopeTexts == ["user:alice", "tool:search"])
        #expect(try request("CHECK user:bob++x@y.z+tool:a").scopes.map(\.id) == ["bob+x@y.z", "a"])
        #expect(try request("CHECK user:\"A B+tool:c d\"").scopeTexts == ["user:A B", "tool:c d"])
    }

    @Test("the id of a kind=id is taken as it is")
    func equalsSign() throws {
        let request = try request("CHECK user=alice+tool:search")
        #expect(request.scopes == [Scope.Part(kind: "user", id: "alice+tool:search")])
        #expect(request.scopeTexts == ["user:alice++tool:search"])
    }

    @Test(
        "USAGE takes a scope in each form",
        arguments: [
            ("USAGE user=alice", "user:alice"), ("USAGE user:alice", "user:alice"),
            ("USAGE scope=user=alice", "user=alice"), ("USAGE tool=t user:a", "tool:t+user:a"),
            ("USAGE user:a+tool:t", "user:a+tool:t"), ("USAGE user=a+b", "user:a++b"), ("USAGE global", "global"),
            ("USAGE user=alice roles=x", "user:alice"), ("USAGE scope=user=a+b", "user=a+b"),
        ])
    func usage(_ line: String, _ scope: String) throws {
        let text = try #require(try request(line).scope)
        #expect(text == scope)
        _ = try Scope(parsing: text)
    }

    @Test("ids of the given kinds are folded to lower case in place, and others are not")
    func folding() throws {
        var reader = RequestReader()
        var line = ByteBuffer(string: "CHECK user=AliceÄ+Z tool=Search team:\"A B\"\n")
        let outcome = reader.next(from: &line)
        #expect(outcome == .request)
        reader.foldCase(of: ["user", "team"])
        let texts = reader.request.scopes.map { reader.request.text($0.text) }
        #expect(texts == ["user:aliceÄ++z", "tool:Search", "team:a b"])
    }

    @Test("a scope is added behind those that the request names, of which there are at most 16")
    func added() throws {
        var reader = RequestReader()
        var line = ByteBuffer(string: "CHECK provider=a+b roles=x\n")
        var outcome = reader.next(from: &line)
        #expect(outcome == .request)
        let room = (0..<16).map { number in reader.addScope(Array("k\(number):x:++".utf8)) }
        #expect(room == Array(repeating: true, count: 15) + [false])
        let request = reader.request
        #expect(request.scopes.map { request.text($0.text) }.suffix(2) == ["k13:x:++", "k14:x:++"])
        #expect(request.text(request.scopes[15].kind) == "k14" && request.text(request.scopes[15].id) == "x:++")
        #expect(request.text(request.scopes[0].text) == "provider:a++b" && request.roles.map(request.text) == "x")
        line = ByteBuffer(string: "CHECK user=a\n")
        outcome = reader.next(from: &line)
        #expect(outcome == .request && reader.request.scopes.count == 1)
    }

    @Test("the arguments of each verb are known for suggestions")
    func argumentNames() {
        let amounts = [
            "requests", "tokens", "input_tokens", "output_tokens", "cost", "cache_read_tokens", "cache_write_tokens",
            "images", "seconds",
        ]
        #expect(Verb.check.argumentNames == amounts + ["roles", "email"])
        #expect(Verb.record.argumentNames == amounts + ["id", "at", "roles", "email"])
        #expect(Verb.commit.argumentNames == amounts + ["reservation"])
        #expect(Verb.usage.argumentNames == ["roles", "email", "scope"])
    }
}

/// Decisions as RESP bulk strings.
@Suite struct DecisionFramingTests {
    @Test(
        "a decision is a line, or a bulk string with the length of its text",
        arguments: [1, 5, 9, 10, 99, 100, 999, 1_000, 9_999, 10_000, 70_000])
    func lengths(_ length: Int) {
        let text = String((0..<length).map { Character(Unicode.Scalar(UInt8(ascii: "a") + UInt8($0 % 26))) })
        for (framing, expected) in [
            (Framing.line, "before\n\(text)\nafter"),
            (.resp, "before\n$\(length)\r\n\(text)\r\nafter"),
        ] {
            var out = ByteBuffer(string: "xbefore\n")
            out.moveReaderIndex(forwardBy: 1)
            let start = framing.beginDecision(&out)
            out.writeString(text)
            framing.endDecision(from: start, &out)
            out.writeString("after")
            #expect(String(buffer: out) == expected)
        }
    }
}

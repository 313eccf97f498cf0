import Testing
import TollgateCore

@testable import TollgateWire

@Suite struct RequestParserTests {
    @Test("a request is parsed into verb, scopes and amounts")
    func whole() throws {
        let request = try request(
            "CHECK user=alice tool=search requests=2 tokens=30 input_tokens=10 output_tokens=20 cost=0.25 roles=a,b email=a@b.c"
        )
        #expect(request.verb == .check)
        #expect(request.scopeTexts == ["user:alice", "tool:search"])
        #expect(
            request.amounts
                == Amounts(requests: 2, tokens: 30, inputTokens: 10, outputTokens: 20, cost: 250_000_000))
        #expect(request.roles == ["a", "b"])
        #expect(request.email == "a@b.c")
    }

    @Test("a verb may be in any case", arguments: Verb.allCases.filter { !$0.isOnlyForRESP && $0 != .auth })
    func verbCase(_ verb: Verb) {
        for name in [verb.name, verb.name.lowercased(), "\(verb.name.prefix(1))\(verb.name.dropFirst().lowercased())"] {
            let events = read("\(name)\n")
            #expect(events.count == 1)
            #expect(events.first?.errorText?.hasPrefix("unknown_verb") != true)
        }
    }

    @Test("every verb is found by its name", arguments: Verb.allCases)
    func verbNames(_ verb: Verb) {
        #expect(Array(verb.name.utf8).withUnsafeBytes(Verb.init) == verb)
    }

    @Test("the maximum amounts are accepted")
    func bounds() throws {
        let request = try request("CHECK requests=1000000 tokens=0001000000000000 cost=9000000.000000000")
        #expect(request.amounts.requests == 1_000_000)
        #expect(request.amounts.tokens == 1_000_000_000_000)
        #expect(request.amounts.cost == Meter.cost.maxAmount)
    }

    @Test("zero is an amount, and differs from no amount")
    func zero() throws {
        let request = try request("RECORD requests=0")
        #expect(request.amounts == Amounts(requests: 0))
    }

    @Test("an amount may be quoted")
    func quotedAmount() throws {
        #expect(
            try request("CHECK requests=\"5\" cost=\"0.5\" user=a").amounts == Amounts(requests: 5, cost: 500_000_000))
    }

    @Test("a quoted value is a JSON string")
    func quoted() throws {
        let request = try request(#"CHECK user="Alice \"B\" \\ \/ \u00e9\ud83d\ude00" tool=a"b"#)
        #expect(request.scopes.map(\.id) == ["Alice \"B\" \\ / é😀", "a\"b"])
    }

    @Test("a plus sign of an id is doubled in the text of the scope")
    func plus() throws {
        for id in ["bob+x", "+", "++", "+a+", "a++b+"] {
            let request = try request("CHECK tool=t user=\(id) team=z")
            let scope = try Scope(parts: [Scope.Part(kind: "user", id: id)])
            #expect(request.scopeTexts == ["tool:t", scope.description, "team:z"])
        }
    }

    @Test("words may be separated by several spaces, which may also lead and trail")
    func spaces() throws {
        #expect(try request("   CHECK   user=a    tool=b  ").scopeTexts == ["user:a", "tool:b"])
    }

    @Test("blank lines are skipped")
    func empty() {
        let events = read("\n\r\n   \nPING\n\n")
        #expect(events.count == 1)
        #expect(events.first?.request?.verb == .ping)
    }

    @Test("ids have at most 256 bytes, and requests at most sixteen scopes")
    func many() throws {
        let id = String(repeating: "é", count: 128)
        let fields = (0..<16).map { "k\($0)=\(id)" }.joined(separator: " ")
        #expect(try request("PEEK \(fields)").scopes.count == 16)
    }

    @Test("USAGE names one scope, composite or global", arguments: ["user:a+tool:b", "global", "user:x++y"])
    func usage(_ scope: String) throws {
        #expect(try request("USAGE scope=\(scope)").scope == scope)
    }

    @Test("AUTH takes the token alone or after a user")
    func auth() throws {
        #expect(try request("AUTH s3cret=x").token == "s3cret=x")
        #expect(try request("AUTH default s3cret").token == "s3cret")
        #expect(try request("AUTH \"two words\"").token == "two words")
    }

    @Test("a RESP word is taken as it is: spaces need no quotes, and quotes are part of the value")
    func respWords() throws {
        let words = ["check", "user=Alice B", "tool=\"x y\"", "team=\"a\" b", "model:\"m\""]
        let request = try #require(read([frame(words)]).first?.request)
        #expect(request.scopeTexts == ["user:Alice B", "tool:\"x y\"", "team:\"a\" b", "model:\"m\""])
        #expect(read([frame(["AUTH", "\"secret\""])]).first?.request?.token == "\"secret\"")
    }

    @Test("Redis verbs have their words as arguments, whatever the bytes")
    func redisWords() {
        let words = Array("*2\r\n$4\r\nECHO\r\n$3\r\n".utf8) + [0, 0xFF, 10] + Array("\r\n".utf8)
        #expect(read([words]).first?.request?.arguments == [[0, 0xFF, 10]])
        let hello = read([frame(["HELLO", "2", "SETNAME", "x"])]).first?.request
        #expect(hello?.verb == .hello)
        #expect(hello?.arguments.map { String(decoding: $0, as: UTF8.self) } == ["2", "SETNAME", "x"])
    }

    @Test("a key follows the rules of a kind")
    func keys() {
        let long = [[UInt8](repeating: UInt8(ascii: "k"), count: 32), [UInt8](repeating: UInt8(ascii: "k"), count: 33)]
        let pairs = (0...UInt8.max).flatMap { first in (0...UInt8.max).map { [first, $0] } }
        let (sign, colon) = (UInt8(ascii: "="), UInt8(ascii: ":"))
        for key in [[]] + (0...UInt8.max).map({ [$0] }) + pairs + long where !key.contains(sign) && !key.contains(colon)
        {
            let isWellFormed = (key + [sign]).withUnsafeBytes { word in
                var cursor = WordCursor(word: word, origin: 0)
                return cursor.takeKey()?.isWellFormed ?? false
            }
            if isWellFormed != ScopeKind.isWellFormed(key) { Issue.record("\(key): \(isWellFormed)") }
            let isPlainField = (key + Array("=v".utf8)).withUnsafeBytes { word in
                WordCursor(word: word, origin: 0).peekPlainField() != nil
            }
            if isPlainField != ScopeKind.isWellFormed(key) { Issue.record("\(key)=v: \(isPlainField)") }
        }
    }

    @Test("a plain value is visible ASCII without quotes and plus signs, up to a space on a line and the end of a word")
    func plainValues() {
        for byte in 0...UInt8.max {
            let isPlain = (0x21...0x7E).contains(byte) && !"\"+".utf8.contains(byte)
            for value in [[byte], [0x61, byte], [byte, 0x61], [0x61, byte, 0x61]] {
                let end = (Array("k=".utf8) + value).withUnsafeBytes { word in
                    WordCursor(word: word, origin: 0).peekPlainField()?.end
                }
                #expect(end == (isPlain ? 2 + value.count : nil), "\(value)")
            }
        }
        let inLine = Array("k=ab c".utf8).withUnsafeBytes { WordCursor(line: $0).peekPlainField() }
        #expect(inLine?.sign == 1 && inLine?.end == 4)
        for broken in ["k=", "k", "k= a", ""] {
            #expect(Array(broken.utf8).withUnsafeBytes { WordCursor(line: $0).peekPlainField() == nil }, "\(broken)")
        }
    }

    @Test("plain scopes behind another argument, named twice, too many or too long have their own errors")
    func plainScopes() throws {
        let request = try request("CHECK user=a requests=2 tool=b team=\"c d\" model=e")
        #expect(request.scopeTexts == ["user:a", "tool:b", "team:c d", "model:e"])
        #expect(read("CHECK user=a user=b\n").first?.errorText == "bad_request user: duplicate argument")
        #expect(read("CHECK user=\"a b\" user=b\n").first?.errorText == "bad_request user: duplicate argument")
        #expect(read("CHECK global=a\n").first?.errorText == "bad_request global: not an argument of CHECK")
        let long = String(repeating: "x", count: 257)
        #expect(read("CHECK user=\(long)\n").first?.errorText == "bad_request user: longer than 256 bytes")
        let many = (0...16).map { "k\($0)=x" }.joined(separator: " ")
        #expect(read("CHECK \(many)\n").first?.errorText == "bad_request k16: more than 16 scopes")
    }

    @Test("a request contains nothing of the one before")
    func reuse() {
        let events = read("CHECK user=a tokens=5 roles=r email=e\nPEEK tool=b\n")
        #expect(events.last == read("PEEK tool=b\n").first)
    }
}

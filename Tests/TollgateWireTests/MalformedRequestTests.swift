import Testing

@testable import TollgateWire

/// A line without its terminator, and the text after `ERR ` in the reply.
struct Malformed: Sendable, CustomTestStringConvertible {
    var line: [UInt8]
    var error: String

    init(_ line: String, _ error: String) {
        self.line = Array(line.utf8)
        self.error = error
    }

    init(bytes: [UInt8], after text: String, _ error: String) {
        self.line = Array(text.utf8) + bytes
        self.error = error
    }

    var testDescription: String { String(WireText.sanitised(String(decoding: line, as: UTF8.self)).prefix(60)) }

    private static let key = "a key is a lower-case letter, then up to 31 of a-z 0-9 _"

    static let verbs = [
        Malformed("NONSENSE", "unknown_verb NONSENSE"),
        Malformed("RESERVATION user=a", "unknown_verb RESERVATION"),
        Malformed("CHECKS user=a", "unknown_verb CHECKS; did you mean CHECK?"),
        Malformed("chek user=a", "unknown_verb chek; did you mean CHECK?"),
        Malformed("RESERV user=a", "unknown_verb RESERV; did you mean RESERVE?"),
        Malformed("QUIT", "unknown_verb QUIT"),
        Malformed("SELECT 0", "unknown_verb SELECT"),
        Malformed("user=a CHECK", "unknown_verb user=a"),
        Malformed("\tCHECK user=a", "unknown_verb ?CHECK; did you mean CHECK?"),
        Malformed("CHECK\tuser=a", "unknown_verb CHECK?user=a"),
        Malformed(bytes: [0xFF, 0xFE], after: "", "unknown_verb ??"),
        Malformed(bytes: [0], after: "CHECK", "unknown_verb CHECK?; did you mean CHECK?"),
        Malformed(String(repeating: "A", count: 70), "unknown_verb \(String(repeating: "A", count: 64))..."),
        Malformed(
            String(repeating: "é", count: 70), "unknown_verb \(String(repeating: "é", count: 32))..."),
        Malformed(
            "x" + String(repeating: "é", count: 70), "unknown_verb x\(String(repeating: "é", count: 31))..."),
        Malformed("PING hello", "bad_request PING: takes no argument"),
        Malformed("HELP me", "bad_request HELP: takes no argument"),
        Malformed("STATUS server", "bad_request STATUS: takes no argument"),
        Malformed("AUTH", "bad_request AUTH: expected a token"),
        Malformed("AUTH \"\"", "bad_request AUTH: expected a token"),
        Malformed("AUTH a b c", "bad_request AUTH: expected a token alone"),
        Malformed("AUTH \"a", "bad_request AUTH: no closing quote"),
    ]

    static let keys = [
        Malformed("CHECK alice", "bad_request alice: expected key=value"),
        Malformed("CHECK user =alice", "bad_request user: expected key=value"),
        Malformed("CHECK =alice", "bad_request =alice: expected key=value"),
        Malformed("CHECK =", "bad_request =: expected key=value"),
        Malformed("CHECK User=alice", "bad_request User: \(key)"),
        Malformed("CHECK 1user=alice", "bad_request 1user: \(key)"),
        Malformed("CHECK _user=alice", "bad_request _user: \(key)"),
        Malformed("CHECK user-x=alice", "bad_request user-x: \(key)"),
        Malformed("CHECK user+tool=alice", "bad_request user+tool: \(key)"),
        Malformed("CHECK üser=alice", "bad_request üser: \(key)"),
        Malformed("CHECK \u{1B}[2J=alice", "bad_request ?[2J: \(key)"),
        Malformed(
            "CHECK a\(String(repeating: "b", count: 32))=c",
            "bad_request a\(String(repeating: "b", count: 32)): \(key)"),
        Malformed("CHECK user=a user=b", "bad_request user: duplicate argument"),
        Malformed("CHECK requests=1 requests=1", "bad_request requests: duplicate argument"),
        Malformed("CHECK cost=1 cost=1", "bad_request cost: duplicate argument"),
        Malformed("CHECK roles=a roles=b", "bad_request roles: duplicate argument"),
        Malformed("CHECK email=a email=b", "bad_request email: duplicate argument"),
        Malformed("RECORD requests=1 id=a id=a", "bad_request id: duplicate argument"),
        Malformed("USAGE scope=user:a scope=user:b", "bad_request scope: duplicate argument"),
        Malformed("CHECK global=1", "bad_request global: not an argument of CHECK"),
        Malformed("CHECK ttl=60", "bad_request ttl: not an argument of CHECK"),
        Malformed("PEEK reservation=1", "bad_request reservation: not an argument of PEEK"),
        Malformed("CHECK user=a on_expiry=charge", "bad_request on_expiry: not an argument of CHECK"),
        Malformed("RESERVE user=a on_expiry=keep", "bad_request on_expiry: expected release or charge"),
        Malformed("RESERVE on_expiry=charge on_expiry=charge", "bad_request on_expiry: duplicate argument"),
        Malformed("RESERVE user=a ttl=0", "bad_request ttl: expected 1 to 86400 seconds, without a unit"),
        Malformed("RESERVE user=a ttl=86401", "bad_request ttl: expected 1 to 86400 seconds, without a unit"),
        Malformed("RESERVE user=a ttl=1.5", "bad_request ttl: expected 1 to 86400 seconds, without a unit"),
        Malformed("RESERVE user=a ttl=10m", "bad_request ttl: expected 1 to 86400 seconds, without a unit"),
        Malformed("RESERVE user=a ttl=1 ttl=1", "bad_request ttl: duplicate argument"),
        Malformed("RESERVE user=a id=7", "bad_request id: not an argument of RESERVE"),
        Malformed("COMMIT cost=1", "bad_request reservation: is missing"),
        Malformed("CANCEL", "bad_request reservation: is missing"),
        Malformed("COMMIT reservation=a user=a", "bad_request user: not an argument of COMMIT"),
        Malformed("COMMIT reservation=a reservation=a", "bad_request reservation: duplicate argument"),
        Malformed("COMMIT reservation=", "bad_request reservation: empty value"),
        Malformed("CANCEL reservation=a cost=1", "bad_request cost: not an argument of CANCEL"),
        Malformed("CHECK id=a", "bad_request id: not an argument of CHECK"),
        Malformed("RECORD scope=user:a", "bad_request scope: not an argument of RECORD"),
        Malformed("REFUND token=secret", "bad_request token: not an argument of REFUND; did you mean tokens?"),
        Malformed("COMMIT reservation=a cots=1", "bad_request cots: not an argument of COMMIT; did you mean cost?"),
        Malformed("CHECK user=a hits=1", "bad_request hits: is written requests="),
        Malformed("USAGE user=a user:b", "bad_request user: duplicate argument"),
        Malformed(
            "USAGE scope=user:a tool=t",
            "bad_request scope: is given twice, as scope= and as tool=; expected one of them"),
        Malformed("USAGE requests=1", "bad_request requests: not an argument of USAGE"),
        Malformed("USAGE", "bad_request USAGE: names no scope; expected one such as user:alice"),
        Malformed("COMMIT v1.abc", "bad_request v1.abc: expected reservation=TOKEN"),
        Malformed("CANCEL v1.abc", "bad_request v1.abc: expected reservation=TOKEN"),
        Malformed(
            "RECORD user=a price=3",
            "bad_request RECORD: names no amount; expected tokens=, input_tokens=, output_tokens=, cost= or requests="),
        Malformed(
            "RECORD user=a",
            "bad_request RECORD: names no amount; expected tokens=, input_tokens=, output_tokens=, cost= or requests="),
        Malformed(
            "REFUND",
            "bad_request REFUND: names no amount; expected tokens=, input_tokens=, output_tokens=, cost= or requests="),
        Malformed(
            "CHECK " + (0...16).map { "k\($0)=v" }.joined(separator: " "), "bad_request k16: more than 16 scopes"),
    ]

    private static let plus = "a single + joins scopes; within an id write ++, or"

    /// Scopes in the form `kind:id`.
    static let scopes = [
        Malformed("CHECK user:bob+test@x", "bad_request user: \(plus) user=bob+test@x"),
        Malformed("CHECK user:bob+Test:x", "bad_request user: \(plus) user=bob+Test:x"),
        Malformed("CHECK user:bob+", "bad_request user: \(plus) user=bob+"),
        Malformed("CHECK cost:3", "bad_request cost: is an argument; write cost=3"),
        Malformed("RECORD user:a cost=1 id:4711", "bad_request id: is an argument; write id=4711"),
        Malformed("CHECK user:a+cost:3", "bad_request cost: is an argument; write cost=3"),
        Malformed("CHECK ttl:3", "bad_request ttl: not an argument of CHECK"),
        Malformed("CHECK user:", "bad_request user: empty value"),
        Malformed("CHECK user:a+tool:", "bad_request tool: empty id"),
        Malformed("CHECK user:a user=b", "bad_request user: duplicate argument"),
        Malformed("CHECK user:a+user:b", "bad_request user: duplicate argument"),
        Malformed("CHECK user:a+tool:b tool:c", "bad_request tool: duplicate argument"),
        Malformed("CHECK User:a", "bad_request User: \(key)"),
        Malformed("CHECK :a", "bad_request :a: expected key=value"),
        Malformed("CHECK user:a\tb", "bad_request user: control character"),
        Malformed("CHECK user:\"a", "bad_request user: no closing quote"),
        Malformed("ALERTS after:1-0", "bad_request after:1-0: expected after=CURSOR"),
        Malformed(
            "CHECK " + (0...16).map { "k\($0):v" }.joined(separator: "+"), "bad_request k16: more than 16 scopes"),
    ]

    static let texts = [
        Malformed("CHECK user=", "bad_request user: empty value"),
        Malformed("CHECK user= tool=a", "bad_request user: empty value"),
        Malformed("CHECK user=\"\"", "bad_request user: empty value"),
        Malformed("RECORD requests=1 id=", "bad_request id: empty value"),
        Malformed("CHECK user=\"a", "bad_request user: no closing quote"),
        Malformed("CHECK user=\"a\\", "bad_request user: no closing quote"),
        Malformed("CHECK user=\"a\"b", "bad_request user: expected a space after the closing quote"),
        Malformed("CHECK user=\"\\x41\"", "bad_request user: invalid escape in a quoted value"),
        Malformed("CHECK user=\"\\u12\"", "bad_request user: invalid escape in a quoted value"),
        Malformed("CHECK user=\"\\u+123\"", "bad_request user: invalid escape in a quoted value"),
        Malformed("CHECK user=\"\\ud800\"", "bad_request user: invalid escape in a quoted value"),
        Malformed("CHECK user=\"\\ud800\\u0041\"", "bad_request user: invalid escape in a quoted value"),
        Malformed("CHECK user=\"\\udc00\"", "bad_request user: invalid escape in a quoted value"),
        Malformed("CHECK user=\"a\\nb\"", "bad_request user: control character"),
        Malformed("CHECK user=\"\\u0000\"", "bad_request user: control character"),
        Malformed("CHECK user=\"\\u007f\"", "bad_request user: control character"),
        Malformed("CHECK user=\"\\u0085\"", "bad_request user: control character"),
        Malformed("CHECK user=a\tb", "bad_request user: control character"),
        Malformed("CHECK user=a\rb", "bad_request user: control character"),
        Malformed("CHECK user=a\u{7F}", "bad_request user: control character"),
        Malformed("CHECK user=a\u{9F}", "bad_request user: control character"),
        Malformed(bytes: [0], after: "CHECK user=a", "bad_request user: control character"),
        Malformed(bytes: [0xFF], after: "CHECK user=a", "bad_request user: invalid UTF-8"),
        Malformed(bytes: [0xC3], after: "CHECK user=a", "bad_request user: invalid UTF-8"),
        Malformed(bytes: [0xC0, 0xAF], after: "CHECK user=", "bad_request user: invalid UTF-8"),
        Malformed(bytes: [0xE0, 0x80, 0xAF], after: "CHECK user=", "bad_request user: invalid UTF-8"),
        Malformed(bytes: [0xED, 0xA0, 0x80], after: "CHECK user=", "bad_request user: invalid UTF-8"),
        Malformed(bytes: [0xF4, 0x90, 0x80, 0x80], after: "CHECK user=", "bad_request user: invalid UTF-8"),
        Malformed(bytes: [0x80], after: "CHECK email=", "bad_request email: invalid UTF-8"),
        Malformed("CHECK user=\(String(repeating: "a", count: 257))", "bad_request user: longer than 256 bytes"),
        Malformed("CHECK email=\(String(repeating: "a", count: 257))", "bad_request email: longer than 256 bytes"),
        Malformed(
            "RECORD requests=1 id=\(String(repeating: "a", count: 129))", "bad_request id: longer than 128 bytes"),
        Malformed("CHECK roles=\(String(repeating: "a", count: 1_025))", "bad_request roles: longer than 1024 bytes"),
        Malformed("CHECK roles=a,,b", "bad_request roles: empty role"),
        Malformed("CHECK roles=,a", "bad_request roles: empty role"),
        Malformed("CHECK roles=a,", "bad_request roles: empty role"),
        Malformed(
            "USAGE scope=alice", "bad_request scope: alice: expected kind:id or kind=id, such as user:alice"),
        Malformed("USAGE scope=user:", "bad_request scope: user: empty id"),
    ]

    static let numbers = [
        Malformed("CHECK requests=", "bad_request requests: empty value"),
        Malformed("CHECK requests=-1", "bad_request requests: expected a whole number"),
        Malformed("CHECK requests=+1", "bad_request requests: expected a whole number"),
        Malformed("CHECK requests=1.0", "bad_request requests: expected a whole number"),
        Malformed("CHECK requests=1e3", "bad_request requests: expected a whole number"),
        Malformed("CHECK requests=0x10", "bad_request requests: expected a whole number"),
        Malformed("CHECK requests=\" 1\"", "bad_request requests: expected a whole number"),
        Malformed("CHECK requests=١", "bad_request requests: expected a whole number"),
        Malformed("CHECK requests=1000001", "bad_request requests: more than 1000000"),
        Malformed("CHECK tokens=1000000000001", "bad_request tokens: more than 1000000000000"),
        Malformed("CHECK tokens=1e400", "bad_request tokens: expected a whole number"),
        Malformed("CHECK input_tokens=9223372036854775808", "bad_request input_tokens: more than 1000000000000"),
        Malformed(
            "CHECK output_tokens=\(String(repeating: "9", count: 400))",
            "bad_request output_tokens: more than 1000000000000"),
        Malformed("CHECK tokens=-0", "bad_request tokens: expected a whole number"),
        Malformed("CHECK cost=-1", "bad_request cost: expected a decimal number such as 0.25"),
        Malformed("CHECK cost=1e400", "bad_request cost: expected a decimal number such as 0.25"),
        Malformed("CHECK cost=.5", "bad_request cost: expected a decimal number such as 0.25"),
        Malformed("CHECK cost=5.", "bad_request cost: expected a decimal number such as 0.25"),
        Malformed("CHECK cost=1,5", "bad_request cost: expected a decimal number such as 0.25"),
        Malformed("CHECK cost=NaN", "bad_request cost: expected a decimal number such as 0.25"),
        Malformed("CHECK cost=0.0000000001", "bad_request cost: more than 9 fraction digits"),
        Malformed(
            "CHECK cost=9000000.000000001",
            "bad_request cost: more than 9000000 (the policy's decimals: 9; fewer allow more)"),
        Malformed(
            "CHECK cost=\(String(repeating: "9", count: 400))",
            "bad_request cost: more than 9000000 (the policy's decimals: 9; fewer allow more)"),
    ]
}

@Suite struct MalformedRequestTests {
    @Test(
        "a malformed line gets its documented error, and the next line is read",
        arguments: Malformed.verbs + Malformed.keys + Malformed.scopes + Malformed.texts + Malformed.numbers)
    func line(_ malformed: Malformed) {
        let events = read([malformed.line + Array("\nPING\n".utf8)])
        #expect(events.count == 2)
        #expect(events.first?.errorText == malformed.error)
        #expect(events.last?.request?.verb == .ping)
    }

    @Test("the table has at least sixty rows")
    func size() {
        #expect((Malformed.verbs + Malformed.keys + Malformed.texts + Malformed.numbers).count >= 60)
    }

    @Test("the same fields in RESP get the same errors", arguments: Malformed.numbers)
    func resp(_ malformed: Malformed) throws {
        let text = String(decoding: malformed.line, as: UTF8.self)
        let space = try #require(text.firstIndex(of: " "))
        let words = [String(text[..<space]), String(text[text.index(after: space)...])]
        #expect(read([frame(words)]).first?.errorText == malformed.error)
    }

    @Test(
        "a bad argument of a RESP-only verb is refused",
        arguments: [
            (["SELECT", "1"], "bad_request SELECT: there is only database 0"),
            (["SELECT"], "bad_request SELECT: there is only database 0"),
            (["ECHO"], "bad_request ECHO: expected one message"),
            (["PING", "a", "b"], "bad_request PING: expected at most one message"),
            (["GET", "key"], "unknown_verb GET"),
            ([""], "unknown_verb \"\""),
            (["CHECK", ""], "bad_request \"\": expected key=value"),
        ])
    func redisVerbs(_ words: [String], _ error: String) {
        #expect(read([frame(words)]).first?.errorText == error)
    }
}

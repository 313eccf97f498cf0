import Foundation

/// Invalid input, with the error that docs/protocol.md documents for it.
struct BadInput: Sendable {
    var bytes: [UInt8]
    /// The error after `ERR `.
    var error: String

    init(_ line: String, _ error: String) {
        self.init(Array((line + "\n").utf8), error)
    }

    init(_ bytes: [UInt8], _ error: String) {
        self.bytes = bytes
        self.error = error
    }

    /// Creates a row from the bytes of a frame.
    init(frame: String, _ error: String) {
        self.init(Array(frame.utf8), error)
    }

    private static let keyRule = "a key is a lower-case letter, then up to 31 of a-z 0-9 _"
    private static let plusRule = "a single + joins scopes; within an id write ++, or user="
    private static let decimal = "expected a decimal number such as 0.25"
    private static let nines = String(repeating: "9", count: 400)

    /// Lines after which the connection stays open.
    static let lines = [
        BadInput("NONSENSE", "unknown_verb NONSENSE"),
        BadInput("CHECKuser=a", "unknown_verb CHECKuser=a"),
        BadInput("RESERVATION user=a", "unknown_verb RESERVATION"),
        BadInput("GET / HTTP/1.1", "unknown_verb GET"),
        BadInput("{\"verb\":\"CHECK\"}", "unknown_verb {\"verb\":\"CHECK\"}"),
        BadInput("$4", "unknown_verb $4"),
        BadInput("\u{1B}[31mCHECK", "unknown_verb ?[31mCHECK"),
        BadInput([0x00, 0x0A], "unknown_verb ?"),
        BadInput([0xFF, 0xFE, 0x0A], "unknown_verb ??"),
        BadInput("\(String(repeating: "V", count: 60_000))", "unknown_verb \(String(repeating: "V", count: 64))..."),
        BadInput("PING hello", "bad_request PING: takes no argument"),
        BadInput("AUTH secret", "bad_request AUTH: no token is set on this server"),
        BadInput("CHECK alice", "bad_request alice: expected key=value"),
        BadInput("CHECK user", "bad_request user: expected key=value"),
        BadInput("CHECK user = alice", "bad_request user: expected key=value"),
        BadInput("CHECK =alice", "bad_request =alice: expected key=value"),
        BadInput("CHECK USER=alice", "bad_request USER: \(keyRule)"),
        BadInput("CHECK user:alice+tool", "bad_request user: \(plusRule)alice+tool"),
        BadInput("CHECK cost:3", "bad_request cost: is an argument; write cost=3"),
        BadInput("CHECK user=a hits=1", "bad_request hits: is written requests="),
        BadInput("CHECK user+tool=a", "bad_request user+tool: \(keyRule)"),
        BadInput("CHECK user=a user=b", "bad_request user: duplicate argument"),
        BadInput("CHECK user=a requests=1 requests=1", "bad_request requests: duplicate argument"),
        BadInput("RECORD user=a cost=1 cost=2", "bad_request cost: duplicate argument"),
        BadInput("CHECK user=a ttl=60", "bad_request ttl: not an argument of CHECK"),
        BadInput("CHECK user=a id=1", "bad_request id: not an argument of CHECK"),
        BadInput("COMMIT reservation=once", "bad_request reservation: expected a token returned by RESERVE"),
        BadInput(
            "RECORD user=a",
            "bad_request RECORD: names no amount; expected tokens=, input_tokens=, output_tokens=, cost= or requests="),
        BadInput(
            "REFUND",
            "bad_request REFUND: names no amount; expected tokens=, input_tokens=, output_tokens=, cost= or requests="),
        BadInput("USAGE", "bad_request USAGE: names no scope; expected one such as user:alice"),
        BadInput(
            "USAGE scope=alice", "bad_request scope: alice: expected kind:id or kind=id, such as user:alice"),
        BadInput("CHECK " + (0...16).map { "k\($0)=v" }.joined(separator: " "), "bad_request k16: more than 16 scopes"),
        BadInput("CHECK user=", "bad_request user: empty value"),
        BadInput("CHECK user=\"\"", "bad_request user: empty value"),
        BadInput("CHECK user=\"a", "bad_request user: no closing quote"),
        BadInput("CHECK user=\"a\"b", "bad_request user: expected a space after the closing quote"),
        BadInput("CHECK user=\"\\q\"", "bad_request user: invalid escape in a quoted value"),
        BadInput("CHECK user=\"\\ud800\"", "bad_request user: invalid escape in a quoted value"),
        BadInput("CHECK user=\"a\\u0000b\"", "bad_request user: control character"),
        BadInput("CHECK user=a\u{7F}", "bad_request user: control character"),
        BadInput(Array("CHECK user=a".utf8) + [0x00, 0x0A], "bad_request user: control character"),
        BadInput(Array("CHECK user=a".utf8) + [0xC3, 0x28, 0x0A], "bad_request user: invalid UTF-8"),
        BadInput(Array("CHECK user=".utf8) + [0xED, 0xA0, 0x80, 0x0A], "bad_request user: invalid UTF-8"),
        BadInput("CHECK user=\(String(repeating: "a", count: 257))", "bad_request user: longer than 256 bytes"),
        BadInput("CHECK user=a roles=x,,y", "bad_request roles: empty role"),
        BadInput("CHECK user=a requests=-1", "bad_request requests: expected a whole number"),
        BadInput("CHECK user=a requests=1.5", "bad_request requests: expected a whole number"),
        BadInput("CHECK user=a requests=1000001", "bad_request requests: more than 1000000"),
        BadInput("CHECK user=a tokens=1e400", "bad_request tokens: expected a whole number"),
        BadInput("RECORD user=a tokens=-5", "bad_request tokens: expected a whole number"),
        BadInput("RECORD user=a tokens=18446744073709551616", "bad_request tokens: more than 1000000000000"),
        BadInput("RECORD user=a input_tokens=\(nines)", "bad_request input_tokens: more than 1000000000000"),
        BadInput("RECORD user=a cost=-0.01", "bad_request cost: \(decimal)"),
        BadInput("RECORD user=a cost=1e400", "bad_request cost: \(decimal)"),
        BadInput("RECORD user=a cost=NaN", "bad_request cost: \(decimal)"),
        BadInput("RECORD user=a cost=$5", "bad_request cost: \(decimal)"),
        BadInput("RECORD user=a cost=0.0000000001", "bad_request cost: more than 9 fraction digits"),
        BadInput(
            "RECORD user=a cost=9000000.000000001",
            "bad_request cost: more than 9000000 (the policy's decimals: 9; fewer allow more)"),
        BadInput(
            "RECORD user=a cost=\(nines)",
            "bad_request cost: more than 9000000 (the policy's decimals: 9; fewer allow more)"),
    ]

    /// Complete frames that are not requests. The connection stays open.
    static let frames = [
        BadInput(resp("NONSENSE"), "unknown_verb NONSENSE"),
        BadInput(resp(""), "unknown_verb \"\""),
        BadInput(resp("GET", "key"), "unknown_verb GET"),
        BadInput(resp("SELECT", "1"), "bad_request SELECT: there is only database 0"),
        BadInput(resp("ECHO"), "bad_request ECHO: expected one message"),
        BadInput(resp("CHECK", ""), "bad_request \"\": expected key=value"),
        BadInput(resp("CHECK", "user"), "bad_request user: expected key=value"),
        BadInput(resp("CHECK", "user=a", "user=b"), "bad_request user: duplicate argument"),
        BadInput(resp("CHECK", "user=a\nb"), "bad_request user: control character"),
        BadInput(resp("RECORD", "user=a", "cost=1e400"), "bad_request cost: \(decimal)"),
        BadInput(
            resp("CLIENT", "TRACKING", "ON"),
            "bad_request CLIENT: expected SETNAME name, SETINFO lib-name|lib-ver text, ID, GETNAME, INFO, LIST, NO-EVICT or NO-TOUCH"
        ),
        BadInput(resp("HELLO", "2", "AUTH"), "bad_request HELLO: expected 2 or 3 [AUTH user token] [SETNAME name]"),
    ]

    /// Input after which no frame can be found. The connection is closed.
    static let broken = [
        BadInput(frame: "*1\r\n$3\r\nPING\r\n", "bad_request frame: expected a line end after 3 bytes"),
        BadInput(frame: "*1\r\n$5\r\nPING\r\n*1", "bad_request frame: expected a line end after 5 bytes"),
        BadInput(frame: "*1\r\n$-1\r\n", "bad_request frame: expected a length"),
        BadInput(frame: "*-1\r\n", "bad_request frame: expected a length"),
        BadInput(frame: "*\r\n", "bad_request frame: expected a length"),
        BadInput(frame: "*x\r\n", "bad_request frame: expected a length"),
        BadInput(frame: "*1\n$4\nPING\n", "bad_request frame: expected a length"),
        BadInput(frame: "*99999999999999999999\r\n", "bad_request frame: expected a length"),
        BadInput(frame: "*1\r\n$99999999999\r\n", "bad_request frame: expected a length"),
        BadInput(frame: "*1\rPING", "bad_request frame: expected a line end after a length"),
        BadInput(frame: "*1\r\nPING\r\n", "bad_request frame: expected $"),
        BadInput(frame: "*1\r\n:4\r\n", "bad_request frame: expected $"),
        BadInput(frame: "*2\r\n*1\r\n$4\r\nPING\r\n", "bad_request frame: expected $"),
        BadInput(frame: "*65\r\n", "bad_request frame: more than 64 words"),
        BadInput(frame: "*1\r\n$65536\r\n", "line_too_long a frame has at most 65536 bytes"),
        BadInput(
            frame: "*2\r\n$40000\r\n" + String(repeating: "a", count: 40_000) + "\r\n$40000\r\n",
            "line_too_long a frame has at most 65536 bytes"),
    ]
}

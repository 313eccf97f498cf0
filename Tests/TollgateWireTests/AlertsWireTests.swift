import NIOCore
import Testing
import TollgateCore

@testable import TollgateWire

@Suite struct AlertsWireTests {
    @Test("ALERTS may name a cursor, in a line or a frame")
    func requests() throws {
        let cursor = AlertCursor(milliseconds: 1_795_219_201_123, sequence: 7)
        #expect(try request("ALERTS").after == nil)
        #expect(try request("alerts after=1795219201123-7").after == cursor)
        #expect(try request("ALERTS after=\"1795219201123-7\"").after == cursor)
        #expect(read([frame(["ALERTS", "after=1795219201123-7"])]).first?.request?.after == cursor)
        #expect(read("ALERTS after=1-1\nALERTS\n").map { $0.request?.after?.description } == ["1-1", nil])
    }

    @Test("for any other verb after= is a kind")
    func kind() throws {
        #expect(try request("CHECK after=1-1").scopeTexts == ["after:1-1"])
    }

    private static let expected = "expected the cursor of an alert, such as 1795219201123-0"

    @Test(
        "whatever else it says is refused, and the connection goes on",
        arguments: [
            ("after=", "after: empty value"), ("after=5", "after: \(expected)"), ("after=$", "after: \(expected)"),
            ("after=1-1-1", "after: \(expected)"), ("after=-1-1", "after: \(expected)"),
            ("after=18446744073709551616-0", "after: \(expected)"), ("after=\"1-1", "after: no closing quote"),
            ("after=\(String(repeating: "0", count: 40))-1", "after: longer than 41 bytes"),
            ("after=1-1 after=1-1", "after: duplicate argument"), ("1-1", "1-1: expected after=CURSOR"),
            ("After=1-1", "After: not an argument of ALERTS"), ("user=alice", "user: not an argument of ALERTS"),
            ("scope=user:alice", "scope: not an argument of ALERTS"),
        ])
    func malformed(_ arguments: String, _ sentence: String) {
        let events = read("ALERTS \(arguments)\nPING\n")
        #expect(events.first?.errorText == "bad_request \(sentence)")
        #expect(events.last?.request?.verb == .ping)
    }

    @Test("the server parses the ALERTS that the client writes", arguments: [nil, "1795219201123-7"])
    func writing(_ cursor: String?) throws {
        var out = ByteBuffer()
        RequestWriter.writeAlerts(after: cursor, to: &out)
        let line = String(buffer: out)
        #expect(line == (cursor.map { "ALERTS after=\($0)\n" } ?? "ALERTS\n"))
        #expect(read(line).first?.request?.after?.description == cursor)
    }

    @Test("a push is a line, or a bulk string, and the client reads its JSON")
    func push() {
        let text = ByteBuffer(string: #"ALERT {"cursor":"1-1","alert":{"scope":"user:é b"}}"#)
        var line = ByteBuffer()
        Framing.line.writePush(text, to: &line)
        #expect(line.readableBytesView.elementsEqual(Array(text.readableBytesView) + [0x0A]))
        var bulk = ByteBuffer()
        Framing.resp.writePush(text, to: &bulk)
        #expect(String(buffer: bulk) == "$\(text.readableBytes)\r\n\(String(buffer: text))\r\n")
        #expect(
            ReplyParser.reply(in: String(buffer: text)) == .alert(#"{"cursor":"1-1","alert":{"scope":"user:é b"}}"#))
        #expect(ReplyParser.reply(in: "ALERT") == nil)
    }

    @Test("an OK may contain warnings about several limits")
    func warnings() throws {
        #expect(
            ReplyParser.warnings(in: "user:a,,b/cost/day:80,later,tool:t/requests/1h:95").map(\.description)
                == ["user:a,b/cost/day:80", "tool:t/requests/1h:95"])
    }
}

import NIOCore
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateWire

private func parse(_ line: String) throws -> Reply {
    try Array(line.utf8).withUnsafeBytes { bytes in try ReplyParser.parse(bytes) }
}

private func written(_ write: (inout ByteBuffer) -> Void) -> String {
    var out = ByteBuffer()
    write(&out)
    return String(buffer: out)
}

@Suite struct ReplyTests {
    @Test("ALLOW is parsed as a decision")
    func allow() throws {
        let reply = try parse("ALLOW limit=user:alice/requests/1m max=60 used=3 remaining=57 reset=41.2")
        #expect(
            reply
                == .decision(
                    Decision(
                        allowed: true, limit: "user:alice/requests/1m", max: Quantity("60"), used: Quantity("3"),
                        remaining: Quantity("57"), resetAfter: 41.2)))
        #expect(try parse("ALLOW") == .decision(Decision(allowed: true)))
    }

    @Test("DENY is parsed as a decision with its reason")
    func deny() throws {
        let reply = try parse(
            "DENY reason=quota_exceeded limit=\"user:Alice B/cost/day\" max=20.5 used=20.5 remaining=0 retry_after=12.4"
                + " source=tier:basic degraded=1 shadow=tool:a,,b/requests/1m,global/tokens/1h warn=user:x/cost/day:80")
        #expect(
            reply
                == .decision(
                    Decision(
                        allowed: false, reason: .quotaExceeded, limit: "user:Alice B/cost/day", max: Quantity("20.5"),
                        used: Quantity("20.5"), remaining: Quantity("0"), retryAfter: 12.4, source: "tier:basic",
                        isDegraded: true, shadow: ["tool:a,b/requests/1m", "global/tokens/1h"],
                        warnings: [
                            LimitWarning(scope: try Scope(parsing: "user:x"), limit: "cost/day", threshold: 80)
                        ])))
    }

    @Test("fields and reasons of later versions are ignored")
    func unknown() throws {
        #expect(
            try parse("ALLOW later=\"a b\" used=1 more=x=y") == .decision(Decision(allowed: true, used: Quantity("1"))))
        #expect(try parse("DENY reason=later") == .decision(Decision(allowed: false)))
    }

    @Test("the other replies")
    func others() throws {
        #expect(try parse("OK") == .ok([]))
        #expect(try parse("OK a=\"b c\" d=") == .ok([.init(key: "a", value: "b c"), .init(key: "d", value: "")]))
        #expect(try parse("PONG") == .pong)
        #expect(try parse("{\"a\":1}") == .json("{\"a\":1}"))
        #expect(
            try parse("ERR bad_request cost: more than 9 fraction digits")
                == .error(code: "bad_request", sentence: "cost: more than 9 fraction digits"))
        #expect(try parse("ERR busy") == .error(code: "busy", sentence: ""))
    }

    @Test(
        "what is no reply is an error",
        arguments: ["", "ERR", "HTTP/1.1 400 Bad Request", "ALLOW x", "ALLOW a=\"", "OK\u{1}", "allow"])
    func notAReply(_ line: String) {
        let error = #expect(throws: ReplyError.self) { try parse(line) }
        let asksForPort = error?.description.contains("Is this the port of the admin API?")
        #expect(asksForPort == line.hasPrefix("HTTP/"), "\(error?.description ?? "")")
    }

    @Test("replies are framed as lines and as RESP")
    func framing() {
        let error = RequestError(.badRequest, "cost: a\r\nb\u{85}é")
        #expect(written { Framing.line.writeSimple("OK", to: &$0) } == "OK\n")
        #expect(written { Framing.resp.writeSimple("OK", to: &$0) } == "+OK\r\n")
        #expect(written { Framing.line.writeError(error, to: &$0) } == "ERR bad_request cost: a??b?é\n")
        #expect(written { Framing.resp.writeError(error, to: &$0) } == "-ERR bad_request cost: a??b?é\r\n")
        #expect(written { Framing.line.writeError(RequestError(.busy, ""), to: &$0) } == "ERR busy\n")
        #expect(written { Framing.line.writeJSON("{\n}".utf8, to: &$0) } == "{ }\n")
        #expect(written { Framing.resp.writeJSON("{é}".utf8, to: &$0) } == "$4\r\n{é}\r\n")
        #expect(
            written {
                Framing.resp.writeArrayHeader(2, to: &$0)
                Framing.resp.writeInteger(-7, to: &$0)
                Framing.resp.writeMapHeader(1, to: &$0)
            } == "*2\r\n:-7\r\n%1\r\n")
    }

    @Test(
        "a field is quoted where it must be",
        arguments: [
            ("a", " k=a\n"), ("", " k=\"\"\n"), ("Alice B", " k=\"Alice B\"\n"), ("a\"b\\ ", " k=\"a\\\"b\\\\ \"\n"),
            ("a\\b=c", " k=a\\b=c\n"), ("\n", " k=\"\\u000a\"\n"),
        ])
    func fields(_ value: String, _ text: String) {
        #expect(
            written { out in
                out.writeField("k") { $0.writeString(value) }
                Framing.line.endReply(&out)
            } == text)
    }

    @Test("the items of a list are parsed back")
    func lists() throws {
        let items = ["user:a,b/x", "tool:,", "c d", "user:,,e,,", "x"]
        let line = written { out in
            out.writeString("ALLOW")
            out.writeField("shadow") { list in
                for (index, item) in items.enumerated() { list.writeListItem(item.utf8, isFirst: index == 0) }
            }
        }
        #expect(try parse(line) == .decision(Decision(allowed: true, shadow: items)))
    }

    @Test("numbers are written as decimal text")
    func numbers() {
        #expect(written { $0.writeDecimal(0) } == "0")
        #expect(written { $0.writeDecimal(.min) } == "-9223372036854775808")
        #expect(written { $0.writeDecimal(.max) } == "9223372036854775807")
        #expect(written { $0.writeSeconds(milliseconds: 41_200) } == "41.2")
        #expect(written { $0.writeSeconds(milliseconds: 1) } == "0.001")
        #expect(written { $0.writeSeconds(milliseconds: 60_000) } == "60")
        #expect(written { $0.writeSeconds(milliseconds: -5) } == "0")
        #expect(written { $0.writeSeconds(milliseconds: 99_999_990) } == "99999.99")
        #expect(written { $0.writeSeconds(milliseconds: 100_000_001) } == "100000.001")
        #expect(written { $0.writeSeconds(milliseconds: .max) } == "9223372036854775.807")
    }

    @Test("whole numbers of any length are written as Swift prints them", arguments: 1...50)
    func wholeNumbers(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for shift in 0..<64 {
            let number = Int64.random(in: .min ... .max, using: &generator) >> shift
            #expect(written { $0.writeDecimal(number) } == String(number))
        }
    }

    @Test("milliseconds are written as fractions of a second")
    func seconds() {
        for milliseconds in (0...2_100).map({ Int64($0) }) + [99_998_999, 99_999_000] {
            let expected = Money(nanos: Int128(milliseconds) * 1_000_000).description
            #expect(written { $0.writeSeconds(milliseconds: milliseconds) } == expected)
        }
    }

    @Test("money is written as its unit prints it", arguments: 0...9)
    func money(_ decimals: Int) throws {
        var generator = SeededGenerator(seed: UInt64(decimals))
        let unit = try #require(MoneyUnit(decimals: decimals))
        for _ in 0..<50 {
            for shift in 0..<62 {
                let amount = Int64.random(in: .min ... .max, using: &generator) >> shift
                #expect(written { $0.writeMoney(amount, in: unit) } == unit.text(amount))
            }
        }
    }
}

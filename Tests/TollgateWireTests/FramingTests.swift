import NIOCore
import Testing

@testable import TollgateWire

@Suite struct FramingTests {
    private static let lines =
        "PING\r\nCHECK user=alice cost=0.5\nbad\n\nUSAGE scope=user:\"x\nRECORD user=\"A B\" requests=1\r\n"
    private static let frames =
        frame(["PING"]) + frame(["CHECK", "user=Alice B", "requests=3"]) + Array("*0\r\n".utf8) + frame(["NO"])
        + frame(["ECHO", "\r\n*1\r\n"]) + frame(["SELECT", "0"])

    @Test("requests that arrive byte by byte are read as in one piece")
    func byteByByte() {
        for input in [Array(Self.lines.utf8), Self.frames] {
            let whole = read([input])
            #expect(whole.count == 5)
            #expect(read(input.map { [$0] }) == whole)
        }
    }

    @Test("requests that arrive in two pieces are read as in one piece")
    func cuts() {
        for input in [Array(Self.lines.utf8), Self.frames] {
            let whole = read([input])
            for cut in input.indices { #expect(read([input[..<cut], input[cut...]]) == whole) }
        }
    }

    @Test("each prefix of the bytes yields a prefix of the requests")
    func prefixes() {
        for input in [Array(Self.lines.utf8), Self.frames] {
            let whole = read([input])
            for end in input.indices {
                let events = read([input[..<end]])
                #expect(events == Array(whole.prefix(events.count)))
                #expect(events.count < whole.count)
            }
        }
    }

    @Test("a line of 65536 bytes is accepted with either terminator, and one byte more is rejected")
    func maxLineLength() {
        let line = String(repeating: " ", count: 65_536 - 12) + "CHECK user=a"
        for end in ["\n", "\r\n"] {
            #expect(read(line + end).first?.request?.verb == .check)
            #expect(
                read(" " + line + end)
                    == [.broken(RequestError(.lineTooLong, "a line has at most 65536 bytes"))])
        }
    }

    @Test("a line without an end is rejected as soon as it is too long")
    func endlessLine() {
        let piece = [UInt8](repeating: UInt8(ascii: "A"), count: 1_024)
        #expect(read(repeatElement(piece, count: 64)) == [])
        #expect(read(repeatElement(piece, count: 65)).first?.errorText?.hasPrefix("line_too_long ") == true)
    }

    @Test("each byte is searched once")
    func looksOnce() throws {
        var framer = LineFramer()
        var buffer = ByteBuffer(string: "AAAA")
        #expect(try framer.next(in: buffer) == nil)
        // A framer that searches from the start again would find this line feed.
        buffer.setInteger(UInt8(ascii: "\n"), at: 1)
        buffer.writeString("A\n")
        #expect(try framer.next(in: buffer) == LineFramer.Line(length: 5, consumed: 6))
    }

    @Test(
        "a broken frame is told and ends the connection",
        arguments: [
            ("*-1\r\n", "bad_request frame: expected a length"),
            ("*\r\n", "bad_request frame: expected a length"),
            ("*x\r\n", "bad_request frame: expected a length"),
            ("*+1\r\n", "bad_request frame: expected a length"),
            ("*1\n$4\r\nPING\r\n", "bad_request frame: expected a length"),
            ("*1\rx", "bad_request frame: expected a line end after a length"),
            ("*65\r\n", "bad_request frame: more than 64 words"),
            ("*9999999999", "bad_request frame: expected a length"),
            ("*99999999999999999999\r\n", "bad_request frame: expected a length"),
            ("*1\r\n:5\r\n", "bad_request frame: expected $"),
            ("*1\r\n*1\r\n$4\r\nPING\r\n", "bad_request frame: expected $"),
            ("*1\r\n+PING\r\n", "bad_request frame: expected $"),
            ("*1\r\n$-1\r\n", "bad_request frame: expected a length"),
            ("*1\r\n$3\r\nPING\r\n", "bad_request frame: expected a line end after 3 bytes"),
            ("*1\r\n$4\r\nPING\n\n", "bad_request frame: expected a line end after 4 bytes"),
            ("*1\r\n$65536\r\n", "line_too_long a frame has at most 65536 bytes"),
            ("*2\r\n$4\r\nECHO\r\n$999999999\r\n", "line_too_long a frame has at most 65536 bytes"),
            ("*1\r\n$4\r\nPING\r\nPING\r\n", "bad_request frame: expected *"),
        ])
    func brokenFrames(_ bytes: String, _ error: String) {
        let events = read(bytes)
        #expect(events.last?.errorText == error)
        guard case .broken = events.last else {
            Issue.record("the connection goes on: \(events)")
            return
        }
        #expect(read(bytes.utf8.map { [$0] }) == events)
    }

    @Test("an incomplete frame waits for the rest")
    func halfAFrame() {
        #expect(read("*2\r\n$5\r\nCHECK\r\n$6\r\nuser=") == [])
        #expect(read("CHECK user=") == [])
    }

    @Test("a frame may have sixty-four words")
    func maxWords() {
        let words = ["CLIENT"] + (1..<64).map(String.init)
        #expect(read([frame(words)]).first?.request?.arguments.count == 63)
    }

    @Test("the first byte determines the protocol of a connection")
    func detection() {
        #expect(Framing(firstByte: UInt8(ascii: "*")) == .resp)
        #expect(Framing(firstByte: UInt8(ascii: "C")) == .line)
        #expect(
            read("PING\n*1\r\n$4\r\nPING\r\n").map(\.errorText) == [nil, "unknown_verb *1", "unknown_verb $4", nil])
    }
}

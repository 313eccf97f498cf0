import NIOCore
import Testing

@testable import TollgateWire

/// Connections that begin with another protocol.
@Suite struct ForeignTrafficTests {
    private static let http: [Event] = [.broken(ForeignTraffic.http.error)]

    @Test(
        "a first line of HTTP breaks the connection, and nothing behind it is read",
        arguments: [
            "POST / HTTP/1.1", "GET / HTTP/1.1", "get /", "OPTIONS * HTTP/1.1", "PRI * HTTP/2.0", "BREW / HTTP/1.0",
            "CHECK / HTTP/1.1", "  PUT /x", "Host: 127.0.0.1:7379", "\n\nPOST /",
        ])
    func firstLine(line: String) {
        #expect(read(line + "\r\nPING\n") == Self.http)
        #expect(read((line + "\nPING\n").utf8.map { [$0] }) == Self.http)
    }

    @Test(
        "a Host line breaks the connection wherever it stands", arguments: ["Host: a", "host:b", "  HOST : c", "HOST:"])
    func host(line: String) {
        let events = read("PING\nNONSENSE\n\(line)\nPING\n")
        guard line.contains(" :") else {
            return #expect(Array(events.dropFirst(2)) == Self.http)
        }
        #expect(events.count == 4, "a word of its own is no header")
    }

    @Test(
        "what only looks a little like it is a request as ever",
        arguments: [
            "CHECK user=\"/ HTTP/1.1\"", "GET", "HELP", "PING", "CHECK user=get tool=HTTP/1.1", "CHECK user=POST",
        ])
    func lookalikes(line: String) {
        #expect(read(line + "\nPING\n").count == 2)
    }

    @Test("HTTP after the first line is an unknown verb")
    func laterLine() {
        #expect(read("PING\nGET / HTTP/1.1\n").last == .refused(RequestError(.unknownVerb, "GET")))
    }

    @Test("a TLS hello breaks the connection with its first byte, and so does any other control character")
    func binary() {
        #expect(read([[0x16]]) == [.broken(ForeignTraffic.tls.error)])
        #expect(read([[0x16, 0x03, 0x01, 0x0A] + Array("\nPING\n".utf8)]) == [.broken(ForeignTraffic.tls.error)])
        for byte: UInt8 in [0x00, 0x01, 0x04, 0x1B] {
            #expect(read([[byte] + Array("\nPING\n".utf8)]) == [.broken(ForeignTraffic.binary.error)])
        }
        #expect(read("\t\nPING\n").count == 2)
    }

    @Test("the sixteenth unknown verb in a row breaks the connection, in either protocol")
    func unknownVerbs() {
        let fifteen = String(repeating: "NO\n", count: 15)
        #expect(read(fifteen + "PING\n" + fifteen + "CHECK x\n" + fifteen + "PING\n").count == 48)
        let events = read(fifteen + "\n" + "NO\nPING\n")
        #expect(events.count == 16)
        #expect(events.last == .broken(RequestError(.unknownVerb, "16 in a row")))
        let frames = read([Array(repeatElement(frame(["NO"]), count: 16).joined()) + frame(["PING"])])
        #expect(frames.count == 16)
        #expect(frames.last == .broken(RequestError(.unknownVerb, "16 in a row")))
    }
}

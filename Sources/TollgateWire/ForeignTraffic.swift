/// Traffic of another protocol, sent by mistake or with bad intent. The sidecar closes the connection at its first
/// sign.
///
/// A web page can make a browser send a POST to this port, and the lines of its body would be requests.
package enum ForeignTraffic: Sendable {
    /// The first line is one of HTTP, or a line begins with `Host:`.
    case http
    /// The first byte is that of a TLS hello.
    case tls
    /// The first byte is another control character.
    case binary
    /// More unknown verbs in a row than any client sends.
    case unknownVerbs

    /// The number of unknown verbs in a row at which the connection is closed.
    package static let maxUnknownVerbs = 16

    /// Classifies the first byte of a connection; nil if it may be the start of a request.
    init?(firstByte byte: UInt8) {
        switch byte {
        case 0x16: self = .tls
        case UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), 0x20...0xff: return nil
        default: self = .binary
        }
    }

    /// Classifies the first line of a connection that is not blank; nil if it may be a request.
    init?(firstLine line: UnsafeRawBufferPointer) {
        var cursor = WordCursor(line: line)
        guard cursor.moveToWord() else { return nil }
        let word = cursor.takeWord()
        let hasMore = cursor.moveToWord()
        guard (hasMore && Self.isMethod(word)) || Self.endsWithVersion(line) || Self.isHost(word) else { return nil }
        self = .http
    }

    /// Classifies a later line; nil if it may be a request.
    init?(line: UnsafeRawBufferPointer) {
        var cursor = WordCursor(line: line)
        guard cursor.moveToWord(), Self.isHost(cursor.takeWord()) else { return nil }
        self = .http
    }

    /// The error that is sent before the connection is closed.
    package var error: RequestError {
        switch self {
        case .http: RequestError(.badRequest, "this port does not speak HTTP; the admin API has its own port")
        case .tls: RequestError(.badRequest, "this port does not speak TLS")
        case .binary: RequestError(.badRequest, "expected a request on a line, or a RESP array")
        case .unknownVerbs: RequestError(.unknownVerb, "\(Self.maxUnknownVerbs) in a row")
        }
    }

    private static func isMethod(_ word: UnsafeRawBufferPointer) -> Bool {
        methods.contains { word.equalsIgnoringCase($0) }
    }

    private static let methods: [StaticString] = [
        "get", "post", "put", "head", "options", "delete", "patch", "connect", "trace", "pri",
    ]

    /// Whether a line ends with a version of HTTP: ` HTTP/1.1`.
    private static func endsWithVersion(_ line: UnsafeRawBufferPointer) -> Bool {
        let length = " HTTP/1.1".utf8.count
        guard line.count > length else { return false }
        let end = line.part(line.count - length..<line.count)
        let isNumber = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        return end.part(0..<length - 3).equals(" HTTP/") && isNumber(end[length - 3])
            && end[length - 2] == UInt8(ascii: ".") && isNumber(end[length - 1])
    }

    private static func isHost(_ word: UnsafeRawBufferPointer) -> Bool {
        word.count >= 5 && word.part(0..<4).equalsIgnoringCase("host") && word[4] == UInt8(ascii: ":")
    }
}

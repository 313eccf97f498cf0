package import NIOCore

/// What a connection speaks, and so how its replies are framed.
package enum Framing: Sendable {
    /// A request a line, a reply a line.
    case line
    /// RESP, as Redis clients speak it.
    case resp

    /// Connections that begin with `*` speak RESP.
    package init(firstByte: UInt8) {
        self = firstByte == UInt8(ascii: "*") ? .resp : .line
    }

    /// Begins a reply of one line, such as `ALLOW …`. What follows must hold no line break.
    package func beginReply(_ out: inout ByteBuffer) {
        if self == .resp { out.writeInteger(UInt8(ascii: "+")) }
    }

    /// Ends what `beginReply` began.
    package func endReply(_ out: inout ByteBuffer) {
        switch self {
        case .line: out.writeInteger(UInt8(ascii: "\n"))
        case .resp: out.writeStaticString("\r\n")
        }
    }

    /// A whole reply of one line, such as `OK`.
    package func writeSimple(_ body: StaticString, to out: inout ByteBuffer) {
        beginReply(&out)
        out.writeStaticString(body)
        endReply(&out)
    }

    /// `ERR code sentence`. Control characters in the sentence become `?`.
    package func writeError(_ error: RequestError, to out: inout ByteBuffer) {
        if self == .resp { out.writeInteger(UInt8(ascii: "-")) }
        out.writeStaticString("ERR ")
        out.writeString(error.code.rawValue)
        if !error.sentence.isEmpty {
            out.writeInteger(UInt8(ascii: " "))
            out.writeString(WireText.sanitised(error.sentence))
        }
        endReply(&out)
    }

    /// A line that answers no request, such as `ALERT {…}`: as JSON is written.
    package func writePush(_ text: ByteBuffer, to out: inout ByteBuffer) {
        writeJSON(text.readableBytesView, to: &out)
    }

    /// JSON: one line, or a bulk string. Line breaks, which JSON has only between its tokens, become spaces in a line.
    package func writeJSON(_ json: some Collection<UInt8>, to out: inout ByteBuffer) {
        guard self == .line else { return writeBulk(json, to: &out) }
        // Most JSON has no breaks, and is copied whole.
        let mayHaveBreaks = json.withContiguousStorageIfAvailable { $0.contains(where: Self.isBreak) } ?? true
        if mayHaveBreaks {
            out.writeBytes(json.map { Self.isBreak($0) ? UInt8(ascii: " ") : $0 })
        } else {
            out.writeBytes(json)
        }
        endReply(&out)
    }

    private static func isBreak(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }
}

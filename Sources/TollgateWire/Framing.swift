package import NIOCore

/// The protocol of a connection, which determines how replies are framed.
package enum Framing: Sendable {
    /// The line protocol: one request a line, and one reply a line.
    case line
    /// RESP, the protocol of Redis clients.
    case resp

    /// Detects the protocol: a RESP connection begins with `*`.
    package init(firstByte: UInt8) {
        self = firstByte == UInt8(ascii: "*") ? .resp : .line
    }

    /// Begins a reply of one line, such as `ALLOW …`. The text that follows must not contain a line break.
    package func beginReply(_ out: inout ByteBuffer) {
        if self == .resp { out.writeInteger(UInt8(ascii: "+")) }
    }

    /// Ends the reply that `beginReply` began.
    package func endReply(_ out: inout ByteBuffer) {
        switch self {
        case .line: out.writeInteger(UInt8(ascii: "\n"))
        case .resp: out.writeStaticString("\r\n")
        }
    }

    /// Begins a decision, `ALLOW …` or `DENY …`: a line, or a bulk string in RESP. Returns the index of its text, which
    /// must not contain a line break.
    ///
    /// In RESP a decision is a bulk string because some clients return `true` for every simple string.
    package func beginDecision(_ out: inout ByteBuffer) -> Int {
        if self == .resp { out.writeStaticString(Self.reservedHeader) }
        return out.writerIndex
    }

    /// Ends the decision whose text begins at an index.
    package func endDecision(from start: Int, _ out: inout ByteBuffer) {
        if self == .resp { Self.setLength(ofTextFrom: start, in: &out) }
        endReply(&out)
    }

    /// The header of a bulk string of two digits, as most decisions have.
    private static let reservedHeader: StaticString = "$00\r\n"

    /// Writes the length of the text into the header before it. Moves the text if the length does not have two digits.
    private static func setLength(ofTextFrom start: Int, in out: inout ByteBuffer) {
        let length = out.writerIndex - start
        let shift = length < 10 ? -1 : length < 100 ? 0 : length < 1_000 ? 1 : length < 10_000 ? 2 : 3
        if shift > 0 { out.writeRepeatingByte(0, count: shift) }
        if shift != 0 {
            out.withVeryUnsafeMutableBytes { memory in
                let text = UnsafeRawBufferPointer(rebasing: memory[start..<start + length])
                // Copies overlapping memory correctly.
                UnsafeMutableRawBufferPointer(rebasing: memory[(start + shift)...]).copyMemory(from: text)
            }
        }
        out.moveWriterIndex(to: start + shift + length)
        out.setInteger(UInt16(0x0D0A), at: start + shift - 2)
        var (rest, index) = (length, start + shift - 3)
        repeat {
            out.setInteger(UInt8(ascii: "0") + UInt8(rest % 10), at: index)
            (rest, index) = (rest / 10, index - 1)
        } while rest > 0
    }

    /// Writes a complete reply of one line, such as `OK`.
    package func writeSimple(_ body: StaticString, to out: inout ByteBuffer) {
        beginReply(&out)
        out.writeStaticString(body)
        endReply(&out)
    }

    /// Writes `ERR code sentence`. Control characters in the sentence become `?`.
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

    /// Writes a line that is not a reply, such as `ALERT {…}`, framed as JSON.
    package func writePush(_ text: ByteBuffer, to out: inout ByteBuffer) {
        writeJSON(text.readableBytesView, to: &out)
    }

    /// Writes JSON: one line, or a bulk string in RESP. In a line, line breaks, which JSON has only between tokens,
    /// become spaces.
    package func writeJSON(_ json: some Collection<UInt8>, to out: inout ByteBuffer) {
        guard self == .line else { return writeBulk(json, to: &out) }
        // Most JSON has no line breaks, and is copied in one piece.
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

/// Replies of RESP only.
extension Framing {
    /// Writes a bulk string of any bytes.
    package func writeBulk(_ bytes: some Collection<UInt8>, to out: inout ByteBuffer) {
        out.writeInteger(UInt8(ascii: "$"))
        out.writeDecimal(Int64(bytes.count))
        out.writeStaticString("\r\n")
        out.writeBytes(bytes)
        out.writeStaticString("\r\n")
    }

    /// Writes an integer, `:42`.
    package func writeInteger(_ value: Int64, to out: inout ByteBuffer) {
        out.writeInteger(UInt8(ascii: ":"))
        out.writeDecimal(value)
        out.writeStaticString("\r\n")
    }

    /// Writes the header of an array. `count` replies must follow.
    package func writeArrayHeader(_ count: Int, to out: inout ByteBuffer) {
        out.writeInteger(UInt8(ascii: "*"))
        out.writeDecimal(Int64(count))
        out.writeStaticString("\r\n")
    }

    /// Writes the header of a RESP3 map. `count` names must follow, each with its value.
    package func writeMapHeader(_ count: Int, to out: inout ByteBuffer) {
        out.writeInteger(UInt8(ascii: "%"))
        out.writeDecimal(Int64(count))
        out.writeStaticString("\r\n")
    }
}

import NIOCore
import TollgateWire

/// Cuts what arrives on one connection into lines.
struct ReplyLines {
    /// No line is longer; a decision may list many shadow limits.
    private static let maxLineLength = 1_048_576

    private var framer = LineFramer(maxLineLength: maxLineLength)
    private var arrived = ByteBuffer()

    mutating func append(_ bytes: ByteBuffer) {
        if arrived.readableBytes == 0 { arrived = bytes } else { arrived.writeImmutableBuffer(bytes) }
    }

    /// The next whole line; nil where more has to arrive first. Throws at one without an end.
    mutating func next() throws -> String? {
        guard let line = try framer.next(in: arrived) else { return nil }
        let text = arrived.getString(at: arrived.readerIndex, length: line.length) ?? ""
        arrived.moveReaderIndex(forwardBy: line.consumed)
        return text
    }
}

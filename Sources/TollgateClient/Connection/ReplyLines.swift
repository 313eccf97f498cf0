import NIOCore
import TollgateWire

/// Splits the bytes of one connection into lines.
struct ReplyLines {
    /// The maximum length of a line in bytes. A decision can list many shadow limits.
    private static let maxLineLength = 1_048_576

    private var framer = LineFramer(maxLineLength: maxLineLength)
    private var arrived = ByteBuffer()

    mutating func append(_ bytes: ByteBuffer) {
        if arrived.readableBytes == 0 { arrived = bytes } else { arrived.writeImmutableBuffer(bytes) }
    }

    /// Returns the next complete line, or nil if more bytes are needed. Throws if a line is too long.
    mutating func next() throws -> String? {
        guard let line = try framer.next(in: arrived) else { return nil }
        let text = arrived.getString(at: arrived.readerIndex, length: line.length) ?? ""
        arrived.moveReaderIndex(forwardBy: line.consumed)
        return text
    }
}

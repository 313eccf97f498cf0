package import NIOCore

/// A decoder of lines in a stream of bytes. It remembers how far it has searched, so each byte is searched once, even
/// if a line arrives byte by byte. Owned by the session's event loop.
package struct LineFramer: Sendable {
    /// The maximum length of a request in bytes, without its terminator.
    package static let maxRequestLength = 65_536

    private let maxLineLength: Int
    /// The number of bytes after the reader index that contain no line feed.
    private var scanned = 0

    /// - Parameter maxLineLength: The maximum length of a line in bytes, without its terminator.
    package init(maxLineLength: Int = LineFramer.maxRequestLength) {
        self.maxLineLength = maxLineLength
    }

    /// A line at the buffer's reader index.
    package struct Line: Equatable, Sendable {
        /// The length in bytes without the terminator.
        package var length: Int
        /// The length in bytes with the terminator, `\n` or `\r\n`.
        package var consumed: Int
    }

    /// The line at the reader index; nil if its end has not arrived. The caller must consume the line before the next
    /// call.
    ///
    /// Throws `line_too_long`. The connection must then be closed.
    package mutating func next(in buffer: ByteBuffer) throws(RequestError) -> Line? {
        let line = buffer.withUnsafeReadableBytes { bytes in
            Result { () throws(RequestError) in try next(in: bytes) }
        }
        return try line.get()
    }

    /// The line at the start of the bytes; nil if its end has not arrived.
    mutating func next(in bytes: UnsafeRawBufferPointer) throws(RequestError) -> Line? {
        guard let feed = bytes.index(of: UInt8(ascii: "\n"), from: scanned) else {
            scanned = bytes.count
            // The carriage return of a line of the maximum length may have arrived.
            guard bytes.count - 1 <= maxLineLength else { throw tooLong }
            return nil
        }
        scanned = 0
        let hasReturn = feed > 0 && bytes[feed - 1] == UInt8(ascii: "\r")
        let length = hasReturn ? feed - 1 : feed
        guard length <= maxLineLength else { throw tooLong }
        return Line(length: length, consumed: feed + 1)
    }

    private var tooLong: RequestError {
        RequestError(.lineTooLong, "a line has at most \(maxLineLength) bytes")
    }
}

package import NIOCore

/// Finds lines in what has arrived. Remembers how far it has looked, so that a line which comes byte by byte is still read
/// only once. Owned by the session's event loop.
package struct LineFramer: Sendable {
    /// The most bytes a request may have, not counting its terminator.
    package static let maxRequestLength = 65_536

    private let maxLineLength: Int
    /// Bytes after the reader index that are known to hold no line feed.
    private var scanned = 0

    /// - Parameter maxLineLength: the most bytes a line may have, not counting its terminator.
    package init(maxLineLength: Int = LineFramer.maxRequestLength) {
        self.maxLineLength = maxLineLength
    }

    /// A line at the buffer's reader index.
    package struct Line: Equatable, Sendable {
        /// Bytes without the terminator.
        package var length: Int
        /// Bytes with the terminator, `\n` or `\r\n`: how far to move the reader index.
        package var consumed: Int
    }

    /// The line at the reader index, or nil when its end has not arrived. The caller must consume the line before it asks
    /// again.
    ///
    /// Throws `line_too_long`, after which the connection is of no more use.
    package mutating func next(in buffer: ByteBuffer) throws(RequestError) -> Line? {
        let line = buffer.withUnsafeReadableBytes { bytes in
            Result { () throws(RequestError) in try next(in: bytes) }
        }
        return try line.get()
    }

    /// The same of the bytes after the reader index.
    mutating func next(in bytes: UnsafeRawBufferPointer) throws(RequestError) -> Line? {
        guard let feed = bytes.index(of: UInt8(ascii: "\n"), from: scanned) else {
            scanned = bytes.count
            // One byte more may have arrived of a line that still fits: its carriage return.
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

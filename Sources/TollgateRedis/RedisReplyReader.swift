import CHiredis
package import NIOCore

/// An incremental parser of RESP2 replies, based on hiredis's reader.
///
/// Custom object functions avoid an allocation per integer and copy a bulk string only once. A reader is owned by one
/// connection, used on its event loop only, and unusable after it has thrown.
package final class RedisReplyReader {
    /// The maximum size of a reply, in bytes.
    package static let maxReplySize = 64 << 20

    /// The maximum size of an empty read buffer that hiredis retains, in bytes, so that it need not grow again.
    private static let maxIdleBuffer = 256 << 10

    private let reader: UnsafeMutablePointer<redisReader>
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private let builder = RedisReplyBuilder()
    /// The number of bytes fed since the last complete reply.
    private var unfinishedBytes = 0

    /// Creates a reader. Throws when memory for it cannot be allocated.
    package init() throws(RedisError) {
        functions = .allocate(capacity: 1)
        functions.initialize(to: RedisReplyBuilder.makeFunctions())
        guard let reader = redisReaderCreateWithFunctions(functions) else {
            functions.deallocate()
            throw .protocolBroken("no memory for a reader")
        }
        self.reader = reader
        reader.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
        reader.pointee.maxbuf = Self.maxIdleBuffer
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
    }

    /// Appends bytes. Call ``next()`` until it returns nil to get the replies that they complete.
    ///
    /// Throws when a reply exceeds ``maxReplySize``, or after an earlier error.
    package func feed(_ bytes: ByteBuffer) throws(RedisError) {
        try throwIfBroken()
        unfinishedBytes += bytes.readableBytes
        guard unfinishedBytes <= Self.maxReplySize else {
            throw .protocolBroken("a reply of more than \(Self.maxReplySize >> 20) MiB")
        }
        let status = bytes.withUnsafeReadableBytes { bytes in
            redisReaderFeed(reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard status == REDIS_OK else { return try throwIfBroken() }
    }

    /// Returns the next complete reply, or nil when more bytes are needed. Throws when the bytes are not RESP2.
    package func next() throws(RedisError) -> RedisReply? {
        var object: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &object) == REDIS_OK else {
            try throwIfBroken()
            return nil
        }
        guard object != nil else { return nil }
        unfinishedBytes = Int(reader.pointee.len) - Int(reader.pointee.pos)
        return builder.take()
    }

    private func throwIfBroken() throws(RedisError) {
        guard reader.pointee.err != 0 else { return }
        let sentence = withUnsafeBytes(of: &reader.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        throw .protocolBroken(sentence)
    }
}

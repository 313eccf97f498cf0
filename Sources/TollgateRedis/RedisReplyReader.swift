import CHiredis
package import NIOCore

/// Takes bytes as they come from Redis and gives whole replies; hiredis's reader with object functions of our own, so
/// that an integer costs no allocation and a bulk string is copied once.
///
/// Owned by one connection and used on its event loop only. After it has thrown it is of no more use.
package final class RedisReplyReader {
    /// What one reply may take, in bytes.
    package static let maxReplySize = 64 << 20

    /// The empty read buffer is kept up to this size, so that a large reply after another costs no growing again.
    private static let keptBuffer = 256 << 10

    private let reader: UnsafeMutablePointer<redisReader>
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private let builder = RedisReplyBuilder()
    /// Bytes fed since the last whole reply.
    private var unfinishedBytes = 0

    /// Throws when there is no memory for the reader.
    package init() throws(RedisError) {
        functions = .allocate(capacity: 1)
        functions.initialize(to: RedisReplyBuilder.makeFunctions())
        guard let reader = redisReaderCreateWithFunctions(functions) else {
            functions.deallocate()
            throw .protocolBroken("no memory for a reader")
        }
        self.reader = reader
        reader.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
        reader.pointee.maxbuf = Self.keptBuffer
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
    }

    /// Adds bytes; what they complete is then got with ``next()``, until it gives nil.
    ///
    /// Throws when a reply grows past ``maxReplySize``, or after an error.
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

    /// The next whole reply, or nil when more bytes are needed. Throws when the bytes are not RESP2.
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

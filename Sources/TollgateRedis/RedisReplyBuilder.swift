import CHiredis
import NIOCore

/// Assembles replies from the callbacks of hiredis's reader, which come in the order of the bytes. Arrays may nest.
///
/// Owned by one ``RedisReplyReader``.
final class RedisReplyBuilder {
    private struct OpenArray {
        var items: [RedisReply]
        var remaining: Int
    }

    private var openArrays: [OpenArray] = []
    private var finished: RedisReply?

    /// Removes and returns the finished reply.
    func take() -> RedisReply? {
        defer { finished = nil }
        return finished
    }

    func append(_ reply: RedisReply) {
        var reply = reply
        while let last = openArrays.indices.last {
            openArrays[last].items.append(reply)
            openArrays[last].remaining -= 1
            guard openArrays[last].remaining == 0 else { return }
            reply = .array(openArrays.removeLast().items)
        }
        finished = reply
    }

    func openArray(count: Int) {
        guard count > 0 else { return append(.array([])) }
        var items: [RedisReply] = []
        // The count is untrusted: reserve little, and grow with the items that arrive.
        items.reserveCapacity(min(count, 1_024))
        openArrays.append(OpenArray(items: items, remaining: count))
    }

    func appendText(_ bytes: UnsafeRawBufferPointer, type: Int32) {
        switch type {
        case REDIS_REPLY_STATUS: append(.simple(String(decoding: bytes, as: UTF8.self)))
        case REDIS_REPLY_ERROR: append(.error(String(decoding: bytes, as: UTF8.self)))
        default: append(.bulk(ByteBuffer(bytes: bytes)))
        }
    }
}

extension RedisReplyBuilder {
    /// Returns the callbacks that hiredis calls instead of creating its own objects. They must return a non-null pointer.
    static func makeFunctions() -> redisReplyObjectFunctions {
        var functions = redisReplyObjectFunctions()
        functions.createString = { task, bytes, count in
            let bytes = UnsafeRawBufferPointer(start: bytes, count: Int(count))
            RedisReplyBuilder.builder(of: task)?.appendText(bytes, type: task?.pointee.type ?? REDIS_REPLY_STRING)
            return RedisReplyBuilder.placeholder
        }
        functions.createArray = { task, count in
            RedisReplyBuilder.builder(of: task)?.openArray(count: Int(count))
            return RedisReplyBuilder.placeholder
        }
        functions.createInteger = { task, value in
            RedisReplyBuilder.builder(of: task)?.append(.integer(Int64(value)))
            return RedisReplyBuilder.placeholder
        }
        functions.createNil = { task in
            RedisReplyBuilder.builder(of: task)?.append(.null)
            return RedisReplyBuilder.placeholder
        }
        functions.freeObject = { _ in }
        return functions
    }

    private static var placeholder: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: 1) }

    private static func builder(of task: UnsafePointer<redisReadTask>?) -> RedisReplyBuilder? {
        guard let data = task?.pointee.privdata else { return nil }
        return Unmanaged<RedisReplyBuilder>.fromOpaque(data).takeUnretainedValue()
    }
}

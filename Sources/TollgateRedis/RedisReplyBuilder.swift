import CHiredis
import NIOCore

/// Puts together the reply that hiredis's reader is in the middle of. The reader calls in the order of the bytes;
/// arrays may nest.
///
/// Belongs to one ``RedisReplyReader``.
final class RedisReplyBuilder {
    private struct OpenArray {
        var items: [RedisReply]
        var missing: Int
    }

    private var openArrays: [OpenArray] = []
    private var finished: RedisReply?

    /// Hands over the finished reply.
    func take() -> RedisReply? {
        defer { finished = nil }
        return finished
    }

    func append(_ reply: RedisReply) {
        var reply = reply
        while let last = openArrays.indices.last {
            openArrays[last].items.append(reply)
            openArrays[last].missing -= 1
            guard openArrays[last].missing == 0 else { return }
            reply = .array(openArrays.removeLast().items)
        }
        finished = reply
    }

    func openArray(count: Int) {
        guard count > 0 else { return append(.array([])) }
        var items: [RedisReply] = []
        // The count is only what the sender says; memory is taken as the items come.
        items.reserveCapacity(min(count, 1_024))
        openArrays.append(OpenArray(items: items, missing: count))
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
    /// What hiredis calls instead of making objects of its own. It only wants something back that is not null.
    static func makeFunctions() -> redisReplyObjectFunctions {
        var functions = redisReplyObjectFunctions()
        functions.createString = { task, bytes, count in
            let bytes = UnsafeRawBufferPointer(start: bytes, count: Int(count))
            RedisReplyBuilder.of(task)?.appendText(bytes, type: task?.pointee.type ?? REDIS_REPLY_STRING)
            return RedisReplyBuilder.made
        }
        functions.createArray = { task, count in
            RedisReplyBuilder.of(task)?.openArray(count: Int(count))
            return RedisReplyBuilder.made
        }
        functions.createInteger = { task, value in
            RedisReplyBuilder.of(task)?.append(.integer(Int64(value)))
            return RedisReplyBuilder.made
        }
        functions.createNil = { task in
            RedisReplyBuilder.of(task)?.append(.null)
            return RedisReplyBuilder.made
        }
        functions.freeObject = { _ in }
        return functions
    }

    private static var made: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: 1) }

    private static func of(_ task: UnsafePointer<redisReadTask>?) -> RedisReplyBuilder? {
        guard let data = task?.pointee.privdata else { return nil }
        return Unmanaged<RedisReplyBuilder>.fromOpaque(data).takeUnretainedValue()
    }
}

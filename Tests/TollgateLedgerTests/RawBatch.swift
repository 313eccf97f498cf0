import NIOCore
import TollgateRedis

@testable import TollgateLedger

/// Calls of the batch function with arguments that no sidecar sends.
struct RawBatch {
    /// A value in MessagePack.
    indirect enum Item: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
        case number(Int64)
        case bytes([UInt8])
        case list([Item])

        init(integerLiteral value: Int64) { self = .number(value) }
        init(stringLiteral value: String) { self = .bytes(Array(value.utf8)) }
        init(arrayLiteral elements: Item...) { self = .list(elements) }

        func write(to buffer: inout ByteBuffer) {
            switch self {
            case .number(let value): buffer.writeMessagePack(value)
            case .bytes(let bytes): buffer.writeMessagePack(bytes)
            case .list(let items):
                buffer.writeMessagePack(arrayOf: items.count)
                for item in items { item.write(to: &buffer) }
            }
        }
    }

    var keys = ["tollgate:user:a", "tollgate:tool:t"]
    /// Unix ms.
    var clock: Int64
    /// The ids of the limit sets of the two scopes.
    var ids: [[UInt8]]
    var sent: Item = []
    var scopes: Item = [1, 0, 2, "tool=t"]
    /// The script's codes (batch.lua).
    var operations: Item = [0, 2, 1, 2]
    var sequence: Int64 = 0

    init(at clock: Int64, ids: [[UInt8]]) {
        self.clock = clock
        self.ids = ids
    }

    private var packed: ByteBuffer {
        var buffer = ByteBuffer()
        for item: Item in [
            .number(clock), 9, .list(ids.map { .bytes($0) }), sent, scopes, operations, 0, .number(sequence), 0,
        ] { item.write(to: &buffer) }
        return buffer
    }

    /// The arguments, with the packed one truncated to a number of bytes.
    func arguments(cutAfter length: Int = .max) -> RedisFunctionArguments {
        let packed = packed.readableBytesView.prefix(length)
        var bytes = ByteBuffer()
        for word in ["\(keys.count)"] + keys { RedisCommand.encodeBulk(word, into: &bytes) }
        bytes.writeString("$\(packed.count)\r\n")
        bytes.writeBytes(packed)
        bytes.writeString("\r\n")
        return RedisFunctionArguments(count: keys.count + 2, bytes: bytes)
    }
}

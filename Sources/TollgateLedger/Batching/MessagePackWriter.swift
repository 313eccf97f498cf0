import NIOCore
import TollgateCore

/// Writes MessagePack integers and heads of arrays into memory that was reserved for all of them before. Used within
/// `writeMessagePack(atMost:_:)` only.
struct MessagePackWriter {
    /// Bytes that an integer takes at most.
    static let maxIntegerLength = 9
    /// False.
    static let falsehood: UInt8 = 0xc2

    private var next: UnsafeMutableRawPointer
    private let end: UnsafeMutableRawPointer

    fileprivate init(_ memory: UnsafeMutableRawBufferPointer) {
        next = memory.baseAddress!
        end = next + memory.count
    }

    fileprivate func count(since start: UnsafeMutableRawPointer) -> Int { next - start }

    /// The shortest form.
    @inline(__always)
    mutating func write(_ value: Int64) {
        if value >= 0 && value < 0x80 {
            store(UInt8(truncatingIfNeeded: value))
        } else {
            writeLong(value)
        }
    }

    /// The head of an array.
    mutating func write(arrayOf count: Int) {
        if count < 16 {
            store(0x90 | UInt8(count))
        } else {
            store(UInt8(0xdd))
            store(UInt32(count))
        }
    }

    /// What is MessagePack already.
    @inline(__always)
    mutating func write(packed bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        precondition(next + bytes.count <= end, "more than was reserved")
        next.copyMemory(from: source, byteCount: bytes.count)
        next += bytes.count
    }

    private mutating func writeLong(_ value: Int64) {
        switch value {
        case 0x80...0xff:
            store(UInt8(0xcc))
            store(UInt8(value))
        case 0x100...0xffff:
            store(UInt8(0xcd))
            store(UInt16(value))
        case 0x1_0000...0xffff_ffff:
            store(UInt8(0xce))
            store(UInt32(value))
        case -32..<0:
            store(Int8(value))
        default:
            store(UInt8(0xd3))
            store(value)
        }
    }

    @inline(__always)
    private mutating func store(_ number: some FixedWidthInteger & BitwiseCopyable) {
        let size = number.bitWidth / 8
        precondition(next + size <= end, "more than was reserved")
        next.storeBytes(of: number.bigEndian, as: type(of: number))
        next += size
    }
}

extension ByteBuffer {
    /// Writes what `body` writes: at most so many bytes.
    @inline(__always)
    mutating func writeMessagePack(atMost most: Int, _ body: (inout MessagePackWriter) -> Void) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: most) { memory in
            var writer = MessagePackWriter(memory)
            body(&writer)
            return writer.count(since: memory.baseAddress!)
        }
    }
}

extension GrowingBytes {
    /// Appends what `body` writes: at most so many bytes.
    @inline(__always)
    mutating func writeMessagePack(atMost most: Int, _ body: (inout MessagePackWriter) -> Void) {
        append(atMost: most) { memory in
            var writer = MessagePackWriter(memory)
            body(&writer)
            return writer.count(since: memory.baseAddress!)
        }
    }
}

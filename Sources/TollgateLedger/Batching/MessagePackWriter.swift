import NIOCore
import TollgateCore

// The subset of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) that Redis's cmsgpack and this module
// exchange: integers, strings, false, arrays.

/// Writes MessagePack integers and array heads into reserved memory. Used only within `writeMessagePack(atMost:_:)`.
struct MessagePackWriter {
    /// The maximum length of an integer, in bytes.
    static let maxIntegerLength = 9
    /// The encoding of `false`.
    static let falsehood: UInt8 = 0xc2

    private var next: UnsafeMutableRawPointer
    private let end: UnsafeMutableRawPointer

    fileprivate init(_ memory: UnsafeMutableRawBufferPointer) {
        next = memory.baseAddress!
        end = next + memory.count
    }

    fileprivate func count(since start: UnsafeMutableRawPointer) -> Int { next - start }

    /// Writes an integer in its shortest form.
    @inline(__always)
    mutating func write(_ value: Int64) {
        if value >= 0 && value < 0x80 {
            store(UInt8(truncatingIfNeeded: value))
        } else {
            writeLong(value)
        }
    }

    /// Writes the head of an array.
    mutating func write(arrayOf count: Int) {
        if count < 16 {
            store(0x90 | UInt8(count))
        } else {
            store(UInt8(0xdd))
            store(UInt32(count))
        }
    }

    /// Writes bytes that are MessagePack already.
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
    /// Appends the items that the body writes.
    ///
    /// - Parameter maxLength: The maximum number of bytes, which are reserved before.
    @inline(__always)
    mutating func writeMessagePack(atMost maxLength: Int, _ body: (inout MessagePackWriter) -> Void) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: maxLength) { memory in
            var writer = MessagePackWriter(memory)
            body(&writer)
            return writer.count(since: memory.baseAddress!)
        }
    }

    /// Writes an integer in its shortest form.
    mutating func writeMessagePack(_ value: Int64) {
        writeMessagePack(atMost: MessagePackWriter.maxIntegerLength) { $0.write(value) }
    }

    /// Writes a string of at most 65 535 bytes.
    mutating func writeMessagePack(_ text: some Collection<UInt8>) {
        let count = text.count
        switch count {
        case 0..<32: writeInteger(0xa0 | UInt8(count))
        case 32..<0x100: writeMultipleIntegers(UInt8(0xd9), UInt8(count))
        default: writeMultipleIntegers(UInt8(0xda), UInt16(count))
        }
        writeBytes(text)
    }

    /// Writes the head of an array.
    mutating func writeMessagePack(arrayOf count: Int) {
        writeMessagePack(atMost: MessagePackWriter.maxIntegerLength) { $0.write(arrayOf: count) }
    }
}

extension GrowingBytes {
    /// Appends the items that the body writes.
    ///
    /// - Parameter maxLength: The maximum number of bytes, which are reserved before.
    @inline(__always)
    mutating func writeMessagePack(atMost maxLength: Int, _ body: (inout MessagePackWriter) -> Void) {
        append(atMost: maxLength) { memory in
            var writer = MessagePackWriter(memory)
            body(&writer)
            return writer.count(since: memory.baseAddress!)
        }
    }
}

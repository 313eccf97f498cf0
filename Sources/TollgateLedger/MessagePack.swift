import NIOCore

// The part of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) that Redis's cmsgpack and this
// module exchange: integers, strings, arrays.

extension ByteBuffer {
    /// Writes the shortest form.
    @inline(__always)
    mutating func writeMessagePack(_ value: Int64) {
        if value >= 0 && value < 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: value))
        } else {
            writeLongMessagePack(value)
        }
    }

    private mutating func writeLongMessagePack(_ value: Int64) {
        switch value {
        case 0x80...0xff:
            writeMultipleIntegers(UInt8(0xcc), UInt8(value))
        case 0x100...0xffff:
            writeMultipleIntegers(UInt8(0xcd), UInt16(value))
        case 0x1_0000...0xffff_ffff:
            writeMultipleIntegers(UInt8(0xce), UInt32(value))
        case -32..<0:
            writeInteger(Int8(value))
        default:
            writeMultipleIntegers(UInt8(0xd3), value)
        }
    }

    mutating func writeMessagePack(_ text: some Collection<UInt8>) {
        let count = text.count
        switch count {
        case 0..<32: writeInteger(0xa0 | UInt8(count))
        case 32..<0x100: writeMultipleIntegers(UInt8(0xd9), UInt8(count))
        default: writeMultipleIntegers(UInt8(0xda), UInt16(count))
        }
        writeBytes(text)
    }

    mutating func writeMessagePack(arrayOf count: Int) {
        if count < 16 {
            writeInteger(0x90 | UInt8(count))
        } else {
            writeMultipleIntegers(UInt8(0xdd), UInt32(count))
        }
    }

    /// Reads the head of an array; nil when something else, or nothing, comes next.
    mutating func readMessagePackArrayCount() -> Int? {
        guard let tag = readInteger(as: UInt8.self) else { return nil }
        switch tag {
        case 0x90...0x9f: return Int(tag & 0x0f)
        case 0xdc: return readInteger(as: UInt16.self).map(Int.init)
        case 0xdd: return readInteger(as: UInt32.self).map(Int.init)
        default: return nil
        }
    }

    /// Reads a number. cmsgpack writes whole doubles as integers, and those past 64 bits as doubles: they come back as the
    /// nearest Int64. Nil when something else, or nothing, comes next.
    mutating func readMessagePackInteger() -> Int64? {
        guard let tag = readInteger(as: UInt8.self) else { return nil }
        switch tag {
        case 0x00...0x7f: return Int64(tag)
        case 0xe0...0xff: return Int64(Int8(bitPattern: tag))
        case 0xcc: return readInteger(as: UInt8.self).map(Int64.init)
        case 0xcd: return readInteger(as: UInt16.self).map(Int64.init)
        case 0xce: return readInteger(as: UInt32.self).map(Int64.init)
        case 0xcf: return readInteger(as: UInt64.self).map(Int64.init(clamping:))
        case 0xd0: return readInteger(as: Int8.self).map(Int64.init)
        case 0xd1: return readInteger(as: Int16.self).map(Int64.init)
        case 0xd2: return readInteger(as: Int32.self).map(Int64.init)
        case 0xd3: return readInteger(as: Int64.self)
        case 0xca: return readInteger(as: UInt32.self).flatMap { whole(Double(Float(bitPattern: $0))) }
        case 0xcb: return readInteger(as: UInt64.self).flatMap { whole(Double(bitPattern: $0)) }
        default: return nil
        }
    }

    private func whole(_ number: Double) -> Int64? {
        guard !number.isNaN else { return nil }
        return Int64(exactly: number.rounded()) ?? (number < 0 ? .min : .max)
    }
}

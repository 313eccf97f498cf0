/// Reads MessagePack from memory, item by item. Used while the memory is lent.
struct MessagePackReader {
    private let bytes: UnsafeRawBufferPointer
    /// Of the next item.
    private(set) var position: Int

    init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    /// Reads the head of an array; nil when something else, or nothing, comes next.
    mutating func readArrayCount() -> Int? {
        guard let tag = read(UInt8.self) else { return nil }
        switch tag {
        case 0x90...0x9f: return Int(tag & 0x0f)
        case 0xdc: return read(UInt16.self).map(Int.init)
        case 0xdd: return read(UInt32.self).map(Int.init)
        default: return nil
        }
    }

    /// Reads a number, or the text of one: doubles hold no larger ones exactly. cmsgpack writes whole doubles as integers, and those
    /// past 64 bits as doubles: they come back as the nearest Int64. Nil when something else, or nothing, comes next.
    @inline(__always)
    mutating func readInteger() -> Int64? {
        guard position < bytes.count else { return nil }
        let tag = bytes[position]
        position += 1
        if tag < 0x80 { return Int64(tag) }
        // Most of what is counted, and of the times until it counts no more.
        return tag == 0xcd ? read(UInt16.self).map(Int64.init) : readLongInteger(tag)
    }

    private mutating func readLongInteger(_ tag: UInt8) -> Int64? {
        switch tag {
        case 0xa0...0xbf: readDigits(Int(tag & 0x1f))
        case 0xe0...0xff: Int64(Int8(bitPattern: tag))
        case 0xcc: read(UInt8.self).map(Int64.init)
        case 0xcd: read(UInt16.self).map(Int64.init)
        case 0xce: read(UInt32.self).map(Int64.init)
        case 0xcf: read(UInt64.self).map(Int64.init(clamping:))
        case 0xd0: read(Int8.self).map(Int64.init)
        case 0xd1: read(Int16.self).map(Int64.init)
        case 0xd2: read(Int32.self).map(Int64.init)
        case 0xd3: read(Int64.self)
        case 0xca: read(UInt32.self).flatMap { Self.whole(Double(Float(bitPattern: $0))) }
        case 0xcb: read(UInt64.self).flatMap { Self.whole(Double(bitPattern: $0)) }
        default: nil
        }
    }

    private mutating func readDigits(_ count: Int) -> Int64? {
        guard count > 0, bytes.count - position >= count else { return nil }
        defer { position += count }
        let text = String(decoding: bytes[position..<position + count], as: UTF8.self)
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(text) ?? .max
    }

    /// Reads a text; nil when something else, bad UTF-8, or nothing comes next.
    mutating func readText() -> String? {
        guard let tag = read(UInt8.self) else { return nil }
        let count: Int?
        switch tag {
        case 0xa0...0xbf: count = Int(tag & 0x1f)
        case 0xd9: count = read(UInt8.self).map(Int.init)
        case 0xda: count = read(UInt16.self).map(Int.init)
        default: count = nil
        }
        guard let count, bytes.count - position >= count else { return nil }
        defer { position += count }
        return String(validating: bytes[position..<position + count], as: UTF8.self)
    }

    private static func whole(_ number: Double) -> Int64? {
        guard !number.isNaN else { return nil }
        return Int64(exactly: number.rounded()) ?? (number < 0 ? .min : .max)
    }

    @inline(__always)
    private mutating func read<Number: FixedWidthInteger>(_: Number.Type) -> Number? {
        guard bytes.count - position >= MemoryLayout<Number>.size else { return nil }
        defer { position += MemoryLayout<Number>.size }
        return Number(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Number.self))
    }
}

import NIOCore

/// Reads MessagePack from memory, item by item. Must not outlive the memory.
struct MessagePackReader {
    private let bytes: UnsafeRawBufferPointer
    /// The offset of the next item.
    private(set) var position: Int

    init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    /// Reads the head of an array; nil if the next item is something else, or there is none.
    mutating func readArrayCount() -> Int? {
        guard let tag = read(UInt8.self) else { return nil }
        switch tag {
        case 0x90...0x9f: return Int(tag & 0x0f)
        case 0xdc: return read(UInt16.self).map(Int.init)
        case 0xdd: return read(UInt32.self).map(Int.init)
        default: return nil
        }
    }

    /// Reads an integer; nil if the next item is something else, or there is none.
    ///
    /// Numbers too large for an exact double come as text. cmsgpack writes whole doubles as integers, and those beyond
    /// 64 bits as doubles: these become the nearest Int64.
    @inline(__always)
    mutating func readInteger() -> Int64? {
        guard position < bytes.count else { return nil }
        let tag = bytes[position]
        position += 1
        if tag < 0x80 { return Int64(tag) }
        // Most amounts and times fit into 16 bits.
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

    /// Reads a string; nil if the next item is something else or invalid UTF-8, or there is none.
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

extension ByteBuffer {
    /// Reads the head of an array (``MessagePackReader/readArrayCount()``).
    mutating func readMessagePackArrayCount() -> Int? {
        readMessagePack { $0.readArrayCount() }
    }

    /// Reads an integer (``MessagePackReader/readInteger()``).
    mutating func readMessagePackInteger() -> Int64? {
        readMessagePack { $0.readInteger() }
    }

    /// Reads a string (``MessagePackReader/readText()``).
    mutating func readMessagePackText() -> String? {
        readMessagePack { $0.readText() }
    }

    private mutating func readMessagePack<Item>(_ read: (inout MessagePackReader) -> Item) -> Item {
        readWithUnsafeReadableBytes { bytes in
            var reader = MessagePackReader(bytes)
            let item = read(&reader)
            return (reader.position, item)
        }
    }
}

import NIOCore

// The part of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) that Redis's cmsgpack and this
// module exchange: integers, strings, false, arrays.

extension ByteBuffer {
    /// Writes the shortest form.
    mutating func writeMessagePack(_ value: Int64) {
        writeMessagePack(atMost: MessagePackWriter.maxIntegerLength) { $0.write(value) }
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
        writeMessagePack(atMost: MessagePackWriter.maxIntegerLength) { $0.write(arrayOf: count) }
    }

    /// See ``MessagePackReader``.
    mutating func readMessagePackArrayCount() -> Int? {
        readMessagePack { $0.readArrayCount() }
    }

    /// See ``MessagePackReader``.
    mutating func readMessagePackInteger() -> Int64? {
        readMessagePack { $0.readInteger() }
    }

    /// See ``MessagePackReader``.
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

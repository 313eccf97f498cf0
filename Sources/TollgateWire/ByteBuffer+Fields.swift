package import NIOCore
package import TollgateCore

/// The fields of requests and replies.
extension ByteBuffer {
    /// Writes ` key=` and the value that `body` writes.
    package mutating func writeField(_ key: StaticString, _ body: (inout ByteBuffer) -> Void) {
        writeInteger(UInt8(ascii: " "))
        writeStaticString(key)
        writeInteger(UInt8(ascii: "="))
        writeValue(body)
    }

    /// Writes the value that `body` writes: as a JSON string if it is empty, or contains a space, a quote or a control
    /// character.
    package mutating func writeValue(_ body: (inout ByteBuffer) -> Void) {
        let start = writerIndex
        body(&self)
        let needsQuotes = withUnsafeReadableBytes { $0.part(start - readerIndex..<$0.count).needsQuotes }
        guard needsQuotes, let value = getBytes(at: start, length: writerIndex - start) else { return }
        moveWriterIndex(to: start)
        JSONString.encode(value, into: &self)
    }

    /// Writes an item of a list such as `warn=`. Commas separate items, and a comma within an item is doubled. An item
    /// must not begin with a comma; the name of a limit begins with a kind.
    package mutating func writeListItem(_ item: some Sequence<UInt8>, isFirst: Bool) {
        if !isFirst { writeInteger(UInt8(ascii: ",")) }
        for byte in item {
            writeInteger(byte)
            if byte == UInt8(ascii: ",") { writeInteger(byte) }
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var needsQuotes: Bool {
        for byte in self where byte <= 0x20 || byte == UInt8(ascii: "\"") || byte == 0x7F { return true }
        return isEmpty
    }
}

/// Numbers as decimal text, written without a `String`.
extension ByteBuffer {
    /// Writes a whole number.
    package mutating func writeDecimal(_ value: Int64) {
        writeText(atMost: TextWriter.maxNumberLength) { $0.writeDecimal(value) }
    }

    /// Writes an amount of money without trailing zeros: `12.5`.
    package mutating func writeMoney(_ amount: Int64, in unit: MoneyUnit) {
        writeText(atMost: TextWriter.maxNumberLength) { $0.writeMoney(amount, in: unit) }
    }

    /// Writes milliseconds as seconds, exactly, without trailing zeros: `41.2`. A negative time counts as zero.
    package mutating func writeSeconds(milliseconds: Int64) {
        writeText(atMost: TextWriter.maxNumberLength) { $0.writeSeconds(milliseconds: milliseconds) }
    }
}

package import NIOCore

/// What replies and requests are made of.
extension ByteBuffer {
    /// Writes ` key=` and what `body` writes; as a JSON string where that is empty or holds a space, a quote or a control
    /// character.
    package mutating func writeField(_ key: StaticString, _ body: (inout ByteBuffer) -> Void) {
        writeInteger(UInt8(ascii: " "))
        writeStaticString(key)
        writeInteger(UInt8(ascii: "="))
        writeValue(body)
    }

    /// Writes what `body` writes, quoted where that is needed.
    package mutating func writeValue(_ body: (inout ByteBuffer) -> Void) {
        let start = writerIndex
        body(&self)
        let needsQuotes = withUnsafeReadableBytes { $0.part(start - readerIndex..<$0.count).needsQuotes }
        guard needsQuotes, let value = getBytes(at: start, length: writerIndex - start) else { return }
        moveWriterIndex(to: start)
        JSONString.encode(value, into: &self)
    }

    /// Writes an item of a list such as `warn=`. A comma parts items, so a comma within one is written twice. An item must not
    /// begin with a comma; the name of a limit never does, as it begins with a kind.
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

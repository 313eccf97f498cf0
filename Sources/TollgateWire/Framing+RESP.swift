package import NIOCore

/// Replies that only Redis clients know.
extension Framing {
    /// A bulk string of any bytes.
    package func writeBulk(_ bytes: some Collection<UInt8>, to out: inout ByteBuffer) {
        out.writeInteger(UInt8(ascii: "$"))
        out.writeDecimal(Int64(bytes.count))
        out.writeStaticString("\r\n")
        out.writeBytes(bytes)
        out.writeStaticString("\r\n")
    }

    /// `:42`
    package func writeInteger(_ value: Int64, to out: inout ByteBuffer) {
        out.writeInteger(UInt8(ascii: ":"))
        out.writeDecimal(value)
        out.writeStaticString("\r\n")
    }

    /// The header of an array; that many replies must follow.
    package func writeArrayHeader(_ count: Int, to out: inout ByteBuffer) {
        out.writeInteger(UInt8(ascii: "*"))
        out.writeDecimal(Int64(count))
        out.writeStaticString("\r\n")
    }

    /// The header of a RESP3 map; that many names, each followed by its value, must follow.
    package func writeMapHeader(_ count: Int, to out: inout ByteBuffer) {
        out.writeInteger(UInt8(ascii: "%"))
        out.writeDecimal(Int64(count))
        out.writeStaticString("\r\n")
    }
}

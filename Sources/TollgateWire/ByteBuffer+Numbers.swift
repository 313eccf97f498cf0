package import NIOCore

/// Numbers as decimal text, without a string on the way.
extension ByteBuffer {
    /// A whole number.
    package mutating func writeDecimal(_ value: Int64) {
        writeText(atMost: TextWriter.maxNumberLength) { $0.writeDecimal(value) }
    }

    /// Nano-units as an amount of money, without trailing zeros: `12.5`.
    package mutating func writeDecimal(nanos: Int64) {
        writeText(atMost: TextWriter.maxNumberLength) { $0.writeDecimal(nanos: nanos) }
    }

    /// Milliseconds as seconds, exactly, without trailing zeros: `41.2`. Below zero counts as zero.
    package mutating func writeSeconds(milliseconds: Int64) {
        writeText(atMost: TextWriter.maxNumberLength) { $0.writeSeconds(milliseconds: milliseconds) }
    }
}

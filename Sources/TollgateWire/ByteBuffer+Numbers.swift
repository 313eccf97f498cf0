package import NIOCore

/// Numbers as decimal text, without a string on the way.
extension ByteBuffer {
    /// A whole number.
    package mutating func writeDecimal(_ value: Int64) {
        if value < 0 { writeInteger(UInt8(ascii: "-")) }
        writeDigits(value.magnitude, atLeast: 1)
    }

    /// Nano-units as an amount of money, without trailing zeros: `12.5`.
    package mutating func writeDecimal(nanos: Int64) {
        if nanos < 0 { writeInteger(UInt8(ascii: "-")) }
        writeFixed(nanos.magnitude, fractionDigits: 9, unit: 1_000_000_000)
    }

    /// Milliseconds as seconds, exactly, without trailing zeros: `41.2`. Below zero counts as zero.
    package mutating func writeSeconds(milliseconds: Int64) {
        writeFixed(UInt64(max(0, milliseconds)), fractionDigits: 3, unit: 1_000)
    }

    private mutating func writeFixed(_ value: UInt64, fractionDigits: Int, unit: UInt64) {
        writeDigits(value / unit, atLeast: 1)
        var fraction = value % unit
        var digits = fractionDigits
        guard fraction > 0 else { return }
        while fraction % 10 == 0 {
            fraction /= 10
            digits -= 1
        }
        writeInteger(UInt8(ascii: "."))
        writeDigits(fraction, atLeast: digits)
    }

    /// Digits with leading zeros up to a number of them.
    private mutating func writeDigits(_ value: UInt64, atLeast least: Int) {
        var count = 1
        var rest = value / 10
        while rest > 0 {
            rest /= 10
            count += 1
        }
        count = max(count, least)
        writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
            var rest = value
            for index in stride(from: count - 1, through: 0, by: -1) {
                bytes[index] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            }
            return count
        }
    }
}

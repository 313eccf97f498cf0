public import NIOCore
package import TollgateCore

/// A writer of text into memory that was reserved before, so that each piece is a copy without a capacity check. Used
/// only within ``ByteBuffer/writeText(atMost:_:)``.
@usableFromInline
package struct TextWriter {
    // Other modules write each reply with it. Short functions are inlined there, and constant words become stores of
    // constants.

    /// The space for a whole number or an amount of money. Digits are stored eight at a time.
    package static let maxNumberLength = 32

    @usableFromInline var next: UnsafeMutableRawPointer
    @usableFromInline let end: UnsafeMutableRawPointer

    @inline(__always) @inlinable
    package init(_ memory: UnsafeMutableRawBufferPointer) {
        next = memory.baseAddress!
        end = next + memory.count
    }

    @inline(__always) @inlinable
    package func count(since start: UnsafeRawPointer) -> Int { UnsafeRawPointer(next) - start }

    @inline(__always) @inlinable
    package mutating func write(_ text: StaticString) {
        write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always) @inlinable
    package mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        precondition(next + bytes.count <= end, "more text than was reserved")
        next.copyMemory(from: source, byteCount: bytes.count)
        next += bytes.count
    }

    @inline(__always) @inlinable
    package mutating func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { write($0) }
    }

    /// Writes a whole number.
    package mutating func writeDecimal(_ value: Int64) {
        if value < 0 { write("-") }
        writeDigits(value.magnitude, atLeast: 1)
    }

    /// Writes an amount of money without trailing zeros: `12.5`.
    package mutating func writeMoney(_ amount: Int64, in unit: MoneyUnit) {
        if amount < 0 { write("-") }
        writeFixed(amount.magnitude, fractionDigits: unit.decimals, unit: unit.countPerCurrencyUnit)
    }

    /// Writes milliseconds as seconds, exactly, without trailing zeros: `41.2`. A negative time counts as zero.
    package mutating func writeSeconds(milliseconds: Int64) {
        let value = UInt64(max(0, milliseconds))
        guard value < Self.pastEightDigits else { return writeFixed(value, fractionDigits: 3, unit: 1_000) }
        let digits = Self.eightDigits(of: value)
        // The first five digits are whole seconds.
        let seconds = digits << 24
        write(seconds, last: max(8 - seconds.trailingZeroBitCount / 8, 1))
        let fraction = digits >> 40
        guard fraction > 0 else { return }
        write(".")
        write(fraction, first: 8 - fraction.leadingZeroBitCount / 8)
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
        write(".")
        writeDigits(fraction, atLeast: digits)
    }

    /// Writes digits, with leading zeros up to a minimum number of digits.
    private mutating func writeDigits(_ value: UInt64, atLeast minCount: Int) {
        if value < 10, minCount <= 1 { return write(value, first: 1) }
        guard value < Self.pastEightDigits, minCount <= 8 else {
            let (high, low) = value.quotientAndRemainder(dividingBy: Self.pastEightDigits)
            writeDigits(high, atLeast: minCount - 8)
            return write(Self.eightDigits(of: low), first: 8)
        }
        let digits = Self.eightDigits(of: value)
        write(digits, last: max(8 - digits.trailingZeroBitCount / 8, minCount))
    }

    /// Writes the last `count` of eight digits.
    @inline(__always)
    private mutating func write(_ digits: UInt64, last count: Int) {
        write(digits >> (UInt64(truncatingIfNeeded: 8 - count) &* 8), first: count)
    }

    /// Writes the first `count` of eight digits. It stores eight bytes, so there must be space for them.
    @inline(__always)
    private mutating func write(_ digits: UInt64, first count: Int) {
        precondition(next + 8 <= end, "more text than was reserved")
        next.storeBytes(of: (digits | 0x3030_3030_3030_3030).littleEndian, as: UInt64.self)
        next += count
    }

    private static let pastEightDigits: UInt64 = 100_000_000

    /// The digits of a number below 10⁸, one a byte, the first in the lowest byte.
    ///
    /// The number is split three times, into parts of four, two and one digits. One division splits all parts of a
    /// size.
    @inline(__always)
    private static func eightDigits(of value: UInt64) -> UInt64 {
        let fours = value / 10_000 | (value % 10_000) << 32
        // 10486 / 2²⁰ and 103 / 2¹⁰ are precise enough for 1/100 and 1/10 of numbers of four and two digits.
        let hundreds = (fours &* 10_486) >> 20 & 0x0000_007f_0000_007f
        let twos = hundreds | (fours &- hundreds &* 100) << 16
        let tens = (twos &* 103) >> 10 & 0x000f_000f_000f_000f
        return tens | (twos &- tens &* 10) << 8
    }
}

extension ByteBuffer {
    /// Writes the text that `body` writes, which has at most `most` bytes.
    @inline(__always) @inlinable
    package mutating func writeText(atMost maxLength: Int, _ body: (inout TextWriter) -> Void) {
        reserveCapacity(minimumWritableBytes: maxLength)
        let start = writerIndex
        // All of the memory, of which only the part behind the text is used. NIO's own function takes as long as ten
        // words.
        let written = withVeryUnsafeMutableBytes { memory in
            precondition(memory.count - start >= maxLength, "less room than was reserved")
            let room = UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + maxLength])
            var writer = TextWriter(room)
            body(&writer)
            return writer.count(since: UnsafeRawPointer(room.baseAddress!))
        }
        moveWriterIndex(forwardBy: written)
    }
}

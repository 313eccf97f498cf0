public import NIOCore

/// Writes text into memory that was reserved for all of it before, so that each piece costs a copy and no check. Used within
/// ``ByteBuffer/writeText(atMost:_:)`` only.
@usableFromInline
package struct TextWriter {
    // Others write every reply by it: what is short is part of their code, and words of theirs become stores of constants.

    /// Room for a whole number or an amount of money, the digits of which are stored eight at a time.
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

    /// A whole number.
    package mutating func writeDecimal(_ value: Int64) {
        if value < 0 { write("-") }
        writeDigits(value.magnitude, atLeast: 1)
    }

    /// Nano-units as an amount of money, without trailing zeros: `12.5`.
    package mutating func writeDecimal(nanos: Int64) {
        if nanos < 0 { write("-") }
        writeFixed(nanos.magnitude, fractionDigits: 9, unit: 1_000_000_000)
    }

    /// Milliseconds as seconds, exactly, without trailing zeros: `41.2`. Below zero counts as zero.
    package mutating func writeSeconds(milliseconds: Int64) {
        let value = UInt64(max(0, milliseconds))
        guard value < Self.pastEightDigits else { return writeFixed(value, fractionDigits: 3, unit: 1_000) }
        let digits = Self.eightDigits(of: value)
        // The first five are of whole seconds.
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

    /// Digits with leading zeros up to a number of them.
    private mutating func writeDigits(_ value: UInt64, atLeast least: Int) {
        if value < 10, least <= 1 { return write(value, first: 1) }
        guard value < Self.pastEightDigits, least <= 8 else {
            let (high, low) = value.quotientAndRemainder(dividingBy: Self.pastEightDigits)
            writeDigits(high, atLeast: least - 8)
            return write(Self.eightDigits(of: low), first: 8)
        }
        let digits = Self.eightDigits(of: value)
        write(digits, last: max(8 - digits.trailingZeroBitCount / 8, least))
    }

    /// Writes the last of eight digits, one or more.
    @inline(__always)
    private mutating func write(_ digits: UInt64, last count: Int) {
        write(digits >> (UInt64(truncatingIfNeeded: 8 - count) &* 8), first: count)
    }

    /// Writes the first of eight digits. All eight bytes are stored, so there must be room for them.
    @inline(__always)
    private mutating func write(_ digits: UInt64, first count: Int) {
        precondition(next + 8 <= end, "more text than was reserved")
        next.storeBytes(of: (digits | 0x3030_3030_3030_3030).littleEndian, as: UInt64.self)
        next += count
    }

    private static let pastEightDigits: UInt64 = 100_000_000

    /// The digits of a number below 10⁸, one a byte, the first in the lowest: the number is split three times, into parts of four,
    /// two and one digits, and all parts of a size are divided at once.
    @inline(__always)
    private static func eightDigits(of value: UInt64) -> UInt64 {
        let fours = value / 10_000 | (value % 10_000) << 32
        // 10486 / 2²⁰ and 103 / 2¹⁰ are near enough to 1/100 and 1/10 for numbers of four and two digits.
        let hundreds = (fours &* 10_486) >> 20 & 0x0000_007f_0000_007f
        let twos = hundreds | (fours &- hundreds &* 100) << 16
        let tens = (twos &* 103) >> 10 & 0x000f_000f_000f_000f
        return tens | (twos &- tens &* 10) << 8
    }
}

extension ByteBuffer {
    /// Writes what `body` writes: at most so many bytes.
    @inline(__always) @inlinable
    package mutating func writeText(atMost most: Int, _ body: (inout TextWriter) -> Void) {
        reserveCapacity(minimumWritableBytes: most)
        let start = writerIndex
        // All of the memory, of which only what lies behind the text is used: the same by NIO's code costs as much as ten words.
        let written = withVeryUnsafeMutableBytes { memory in
            precondition(memory.count - start >= most, "less room than was reserved")
            let room = UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + most])
            var writer = TextWriter(room)
            body(&writer)
            return writer.count(since: UnsafeRawPointer(room.baseAddress!))
        }
        moveWriterIndex(forwardBy: written)
    }
}

public import NIOCore

/// Writes text into memory that was reserved for all of it before, so that each piece costs a copy and no check. Used within
/// ``ByteBuffer/writeText(atMost:_:)`` only.
@usableFromInline
package struct TextWriter {
    // Others write every reply by it: what is short is part of their code, and words of theirs become stores of constants.

    /// The most bytes that a whole number takes, or an amount of money.
    package static let longestNumber = 22

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
        write(".")
        writeDigits(fraction, atLeast: digits)
    }

    /// Digits with leading zeros up to a number of them, 20 at most.
    private mutating func writeDigits(_ value: UInt64, atLeast least: Int) {
        let count = max(Self.digitCount(of: value), least)
        precondition(next + count <= end, "more text than was reserved")
        var rest = value
        var place = count
        // From the end, two at a time.
        while place > 1 {
            let pair = Int(truncatingIfNeeded: rest % 100)
            rest /= 100
            place -= 2
            (next + place).copyMemory(from: Self.pairs.utf8Start + 2 * pair, byteCount: 2)
        }
        if place == 1 { next.storeBytes(of: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest), as: UInt8.self) }
        next += count
    }

    /// The numbers below 100 as two digits each.
    private static var pairs: StaticString {
        """
        00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960\
        616263646566676869707172737475767778798081828384858687888990919293949596979899
        """
    }

    /// 1 for zero.
    private static func digitCount(of value: UInt64) -> Int {
        var (count, rest) = (1, value)
        while rest >= 1_000 {
            rest /= 1_000
            count += 3
        }
        return rest < 10 ? count : rest < 100 ? count + 1 : count + 2
    }
}

extension ByteBuffer {
    /// Writes what `body` writes: at most so many bytes.
    @inline(__always) @inlinable
    package mutating func writeText(atMost most: Int, _ body: (inout TextWriter) -> Void) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: most) { memory in
            var writer = TextWriter(memory)
            body(&writer)
            return writer.count(since: UnsafeRawPointer(memory.baseAddress!))
        }
    }
}

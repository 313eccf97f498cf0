package import NIOCore

/// Writes text into memory that was reserved for all of it before, so that each piece costs a copy and no check. Used within
/// ``ByteBuffer/writeText(atMost:_:)`` only.
package struct TextWriter {
    /// The most bytes that a whole number takes, or an amount of money.
    package static let longestNumber = 22

    private var next: UnsafeMutableRawPointer
    private let end: UnsafeMutableRawPointer

    fileprivate init(_ memory: UnsafeMutableRawBufferPointer) {
        next = memory.baseAddress!
        end = next + memory.count
    }

    fileprivate func count(since start: UnsafeRawPointer) -> Int { UnsafeRawPointer(next) - start }

    @inline(__always)
    package mutating func write(_ text: StaticString) {
        write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    package mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        precondition(next + bytes.count <= end, "more text than was reserved")
        next.copyMemory(from: source, byteCount: bytes.count)
        next += bytes.count
    }

    @inline(__always)
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
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)  // filled from the end
        withUnsafeMutableBytes(of: &digits) { digits in
            var rest = value
            var first = digits.count
            repeat {
                first -= 1
                digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            while digits.count - first < least {
                first -= 1
                digits[first] = UInt8(ascii: "0")
            }
            write(UnsafeRawBufferPointer(rebasing: digits[first...]))
        }
    }
}

extension ByteBuffer {
    /// Writes what `body` writes: at most so many bytes.
    @inline(__always)
    package mutating func writeText(atMost most: Int, _ body: (inout TextWriter) -> Void) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: most) { memory in
            var writer = TextWriter(memory)
            body(&writer)
            return writer.count(since: UnsafeRawPointer(memory.baseAddress!))
        }
    }
}

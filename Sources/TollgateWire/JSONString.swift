import NIOCore
import TollgateCore

/// The error of a quoted value that is not a JSON string.
enum JSONStringFault: Error {
    case unterminated
    case invalidEscape
    case textAfterQuote

    /// The end of the sentence `user: …`.
    var explanation: String {
        switch self {
        case .unterminated: "no closing quote"
        case .invalidEscape: "invalid escape in a quoted value"
        case .textAfterQuote: "expected a space after the closing quote"
        }
    }
}

/// JSON strings, in which requests and replies quote values with spaces.
enum JSONString {
    /// Appends the decoded string, and returns the index after the closing quote. The caller checks the decoded bytes.
    ///
    /// - Parameter start: The index of the opening quote.
    static func decode(
        _ input: UnsafeRawBufferPointer, from start: Int, into bytes: inout GrowingBytes
    ) throws(JSONStringFault) -> Int {
        var index = start + 1
        var plainStart = index
        while index < input.count {
            let byte = input[index]
            guard byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
                index += 1
                continue
            }
            bytes.append(input.part(plainStart..<index))
            index += 1
            if byte == UInt8(ascii: "\"") { return index }
            index = try decodeEscape(input, at: index, into: &bytes)
            plainStart = index
        }
        throw .unterminated
    }

    /// - Parameter index: The index of the byte after the backslash.
    private static func decodeEscape(
        _ input: UnsafeRawBufferPointer, at index: Int, into bytes: inout GrowingBytes
    ) throws(JSONStringFault) -> Int {
        guard index < input.count else { throw .unterminated }
        switch input[index] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(input[index])
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0C)
        case UInt8(ascii: "n"): bytes.append(0x0A)
        case UInt8(ascii: "r"): bytes.append(0x0D)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "u"): return try decodeUnicode(input, at: index + 1, into: &bytes)
        default: throw .invalidEscape
        }
        return index + 1
    }

    private static func decodeUnicode(
        _ input: UnsafeRawBufferPointer, at index: Int, into bytes: inout GrowingBytes
    ) throws(JSONStringFault) -> Int {
        var end = index + 4
        var value = try hexadecimal(input, at: index)
        if (0xD800...0xDBFF).contains(value), end + 6 <= input.count, input.part(end..<end + 2).equals("\\u") {
            let low = try hexadecimal(input, at: end + 2)
            guard (0xDC00...0xDFFF).contains(low) else { throw .invalidEscape }
            value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
            end += 6
        }
        // Half of a surrogate pair is not a scalar.
        guard let scalar = Unicode.Scalar(value) else { throw .invalidEscape }
        for byte in scalar.utf8 { bytes.append(byte) }
        return end
    }

    private static func hexadecimal(_ input: UnsafeRawBufferPointer, at index: Int) throws(JSONStringFault) -> UInt32 {
        guard index + 4 <= input.count else { throw .invalidEscape }
        var value: UInt32 = 0
        for byte in input.part(index..<index + 4) {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw .invalidEscape
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Writes bytes, which must be UTF-8, as a JSON string on one line.
    static func encode(_ bytes: some Sequence<UInt8>, into buffer: inout ByteBuffer) {
        buffer.writeInteger(UInt8(ascii: "\""))
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                buffer.writeInteger(UInt8(ascii: "\\"))
                buffer.writeInteger(byte)
            case 0..<0x20, 0x7F:
                buffer.writeStaticString("\\u00")
                buffer.writeInteger(hexadecimalDigit(byte >> 4))
                buffer.writeInteger(hexadecimalDigit(byte & 15))
            default:
                buffer.writeInteger(byte)
            }
        }
        buffer.writeInteger(UInt8(ascii: "\""))
    }

    private static func hexadecimalDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

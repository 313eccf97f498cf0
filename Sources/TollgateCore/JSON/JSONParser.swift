/// A JSON parser (RFC 8259) for untrusted bodies. It reads each byte once, limits nesting, rejects duplicate keys, and
/// keeps the texts of numbers. Foundation's decoder takes seconds for 1 MiB of brackets.
package struct JSONParser {
    /// The error for bytes that are not JSON: what is wrong, and where.
    package struct Fault: Error, Equatable {
        /// The end of a sentence that begins with the name of the text, such as `is empty`.
        package var sentence: String
        /// The number of the byte, from 1; nil for empty text.
        package var byte: Int?

        package init(sentence: String, byte: Int? = nil) {
            self.sentence = sentence
            self.byte = byte
        }

        /// The whole end of the sentence: `is not valid JSON: expected a value at byte 7`.
        package var description: String { byte.map { "\(sentence) at byte \($0)" } ?? sentence }
    }

    private static let maxDepth = 32
    /// The maximum length of a number. No decimal of an API needs more.
    private static let maxNumberLength = 64
    /// The maximum exponent of ten, above and below zero.
    private static let maxExponent = 127

    private let bytes: [UInt8]
    private var position = 0

    /// Parses one value with optional white space around it. Throws a `Fault`.
    package static func value(of json: some Sequence<UInt8>) throws(Fault) -> ParsedJSON {
        var parser = JSONParser(bytes: Array(json))
        if let offset = parser.firstInvalidByte {
            throw Fault(sentence: "is not UTF-8 text: invalid", byte: offset + 1)
        }
        parser.skipSpace()
        guard parser.next != nil else { throw Fault(sentence: "is empty; expected JSON") }
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.next == nil else { throw parser.fault("expected the end") }
        return value
    }

    /// The offset of the first byte that is not UTF-8.
    private var firstInvalidByte: Int? {
        guard String(validating: bytes, as: UTF8.self) == nil else { return nil }
        var (decoder, input, offset) = (Unicode.UTF8.ForwardParser(), bytes.makeIterator(), 0)
        while case .valid(let scalar) = decoder.parseScalar(from: &input) { offset += scalar.count }
        return offset
    }

    /// The error at the next byte, or at a given offset.
    private func fault(_ expected: String, at offset: Int? = nil) -> Fault {
        let offset = offset ?? position
        guard offset < bytes.count else { return Fault(sentence: "is cut off: \(expected)", byte: offset + 1) }
        return Fault(sentence: "is not valid JSON: \(expected)", byte: offset + 1)
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    /// Consumes the next byte if it is this one. Returns whether it was.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) throws(Fault) -> ParsedJSON {
        guard depth <= Self.maxDepth else {
            throw Fault(sentence: "is nested more than \(Self.maxDepth) levels deep", byte: position + 1)
        }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ text: StaticString, _ value: ParsedJSON) throws(Fault) -> ParsedJSON {
        let end = position + text.utf8CodeUnitCount
        guard end <= bytes.count, text.withUTF8Buffer({ bytes[position..<end].elementsEqual($0) }) else {
            throw fault("expected a value")
        }
        position = end
        return value
    }

    private mutating func object(depth: Int) throws(Fault) -> [String: ParsedJSON] {
        var members: [String: ParsedJSON] = [:]
        position += 1
        skipSpace()
        if take("}") { return members }
        repeat {
            skipSpace()
            let start = position
            guard next == UInt8(ascii: "\"") else { throw fault("expected a key in double quotes") }
            let key = try string()
            skipSpace()
            guard take(":") else { throw fault("expected a colon") }
            let value = try value(depth: depth + 1)
            // A duplicate key is ambiguous.
            guard members.updateValue(value, forKey: key) == nil else {
                throw Fault(sentence: "has the key \(ParsedJSON.quoted(key)) twice", byte: start + 1)
            }
            skipSpace()
        } while take(",")
        guard take("}") else { throw fault("expected , or }") }
        return members
    }

    private mutating func array(depth: Int) throws(Fault) -> [ParsedJSON] {
        var items: [ParsedJSON] = []
        position += 1
        skipSpace()
        if take("]") { return items }
        repeat {
            items.append(try value(depth: depth + 1))
            skipSpace()
        } while take(",")
        guard take("]") else { throw fault("expected , or ]") }
        return items
    }
}

// MARK: - Numbers

extension JSONParser {
    /// Parses `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`, and keeps its text.
    private mutating func number() throws(Fault) -> ParsedJSON {
        let start = position
        _ = take("-")
        let isZeroFirst = next == UInt8(ascii: "0")
        let digits = takeDigits()
        guard digits > 0 else { throw fault("expected a value", at: position == start ? start : nil) }
        guard !isZeroFirst || digits == 1 else { throw fault("expected a number without leading zeros", at: start) }
        if take(".") { guard takeDigits() > 0 else { throw fault("expected a digit") } }
        if take("e") || take("E") {
            let isPositive = take("+") || !take("-")
            let first = position
            guard takeDigits() > 0 else { throw fault("expected a digit") }
            // The length is checked first, so that the digits are an Int.
            let exponent = position - first > 3 ? nil : Int(String(decoding: bytes[first..<position], as: UTF8.self))
            guard let exponent, exponent <= Self.maxExponent else {
                throw fault(isPositive ? "expected a smaller number" : "expected fewer digits", at: start)
            }
        }
        guard position - start <= Self.maxNumberLength else {
            throw fault("expected a number of at most \(Self.maxNumberLength) characters", at: start)
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func takeDigits() -> Int {
        let start = position
        while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
        return position - start
    }
}

// MARK: - Strings

extension JSONParser {
    private mutating func string() throws(Fault) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text.append(contentsOf: try escaped())
            case 0..<0x20: throw fault("expected control characters to be escaped", at: position - 1)
            default: text.append(byte)
            }
        }
        throw fault("expected a closing quote")
    }

    private mutating func escaped() throws(Fault) -> [UInt8] {
        guard let byte = next else { throw fault("expected a closing quote") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(try scalar()).utf8)
        default: throw fault("unknown escape sequence", at: position - 2)
        }
    }

    /// Parses four hexadecimal digits, or two groups of them for a surrogate pair.
    private mutating func scalar() throws(Fault) -> Unicode.Scalar {
        let first = try unit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xd800..<0xdc00).contains(first), take("\\"), take("u") else {
            throw fault("expected both halves of a surrogate pair")
        }
        let second = try unit()
        guard (0xdc00..<0xe000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        else { throw fault("expected both halves of a surrogate pair") }
        return scalar
    }

    private mutating func unit() throws(Fault) -> UInt32 {
        guard position + 4 <= bytes.count else { throw fault("expected four hexadecimal digits", at: bytes.count) }
        let digits = bytes[position..<position + 4]
        guard digits.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let unit = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw fault("expected four hexadecimal digits") }
        position += 4
        return unit
    }
}

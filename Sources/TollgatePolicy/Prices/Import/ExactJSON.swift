import TollgateCore

/// A reader of JSON (RFC 8259) that keeps the text of numbers, and the order of members.
///
/// ``JSONDocument`` passes numbers through Foundation, which rounds those with many digits. This reader takes each byte
/// once, limits nesting, and rejects duplicate keys.
struct ExactJSON {
    private static let maxDepth = 32
    /// The longest number in bytes.
    private static let maxNumber = 64

    private let bytes: [UInt8]
    private let file: String
    private var position = 0

    /// Parses a document.
    ///
    /// - Parameter file: The name in error messages. Nothing is read from it.
    /// - Returns: Numbers, `true`, `false` and `null` as plain scalars, strings as quoted ones. Nodes have no lines.
    static func root(of json: String, file: String) throws(OperatorError) -> DocumentNode {
        var parser = ExactJSON(bytes: Array(json.utf8), file: file)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.next == nil else { throw parser.fault("expected the end") }
        return value
    }

    private init(bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// The error at the next byte, or at a given offset, with its line.
    private func fault(_ sentence: String, at offset: Int? = nil) -> OperatorError {
        let offset = min(offset ?? position, bytes.count)
        let line = bytes[..<offset].count { $0 == 0x0a } + 1
        let kind = offset == bytes.count ? "the JSON is cut off" : "not valid JSON"
        return OperatorError("\(file):\(line): \(kind): \(sentence)")
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
    }

    /// Consumes the next byte if it is this one. Returns whether it was.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    // MARK: - Values

    private mutating func value(depth: Int) throws(OperatorError) -> DocumentNode {
        guard depth <= Self.maxDepth else { throw fault("nested more than \(Self.maxDepth) levels deep") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return DocumentNode(.map(try members(depth: depth)))
        case UInt8(ascii: "["): return DocumentNode(.list(try items(depth: depth)))
        case UInt8(ascii: "\""): return DocumentNode(.scalar(try string(), isPlain: false))
        case UInt8(ascii: "t"): return try word("true")
        case UInt8(ascii: "f"): return try word("false")
        case UInt8(ascii: "n"): return try word("null")
        default: return DocumentNode(.scalar(try number(), isPlain: true))
        }
    }

    private mutating func word(_ text: String) throws(OperatorError) -> DocumentNode {
        guard bytes[position...].starts(with: text.utf8) else { throw fault("expected a value") }
        position += text.utf8.count
        return DocumentNode(.scalar(text, isPlain: true))
    }

    private mutating func members(depth: Int) throws(OperatorError) -> [DocumentNode.Member] {
        var (members, keys): ([DocumentNode.Member], Set<String>) = ([], [])
        position += 1
        skipSpace()
        if take("}") { return members }
        repeat {
            skipSpace()
            let start = position
            guard next == UInt8(ascii: "\"") else { throw fault("expected a key in double quotes") }
            let key = try string()
            guard keys.insert(key).inserted else {
                throw fault("the key \"\(key.prefix(40))\" is here twice", at: start)
            }
            skipSpace()
            guard take(":") else { throw fault("expected a colon") }
            let value = try value(depth: depth + 1)
            members.append(DocumentNode.Member(key: DocumentNode(.scalar(key, isPlain: false)), value: value))
            skipSpace()
        } while take(",")
        guard take("}") else { throw fault("expected , or }") }
        return members
    }

    private mutating func items(depth: Int) throws(OperatorError) -> [DocumentNode] {
        var items: [DocumentNode] = []
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

    /// Takes `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`, and returns it unchanged.
    private mutating func number() throws(OperatorError) -> String {
        let start = position
        _ = take("-")
        let isZeroFirst = next == UInt8(ascii: "0")
        let digits = takeDigits()
        guard digits > 0 else { throw fault("expected a value", at: start) }
        guard !isZeroFirst || digits == 1 else { throw fault("expected a number without leading zeros", at: start) }
        if take(".") { guard takeDigits() > 0 else { throw fault("expected a digit") } }
        if take("e") || take("E") {
            _ = take("+") || take("-")
            guard takeDigits() > 0 else { throw fault("expected a digit") }
        }
        guard position - start <= Self.maxNumber else {
            throw fault("expected a number of at most \(Self.maxNumber) characters", at: start)
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func takeDigits() -> Int {
        let start = position
        while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
        return position - start
    }

    // MARK: - Strings

    private mutating func string() throws(OperatorError) -> String {
        position += 1
        let start = position
        var isEscaped = false
        while let byte = next, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw fault("expected control characters to be escaped") }
            isEscaped = isEscaped || byte == UInt8(ascii: "\\")
            position += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        guard next != nil else { throw fault("expected a closing quote", at: bytes.count) }
        defer { position += 1 }
        guard isEscaped else { return String(decoding: bytes[start..<position], as: UTF8.self) }
        return try unescaped(start..<position)
    }

    private func unescaped(_ range: Range<Int>) throws(OperatorError) -> String {
        var (units, index): ([UInt8], Int) = ([], range.lowerBound)
        while index < range.upperBound {
            guard bytes[index] == UInt8(ascii: "\\") else {
                units.append(bytes[index])
                index += 1
                continue
            }
            let start = index
            index += 2
            switch bytes[start + 1] {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(bytes[start + 1])
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0c)
            case UInt8(ascii: "n"): units.append(0x0a)
            case UInt8(ascii: "r"): units.append(0x0d)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "u"):
                var code: [UInt16] = [try hexadecimal(at: start, within: range)]
                index = start + 6
                if (0xd800..<0xdc00).contains(code[0]) {
                    guard index < range.upperBound, bytes[index] == UInt8(ascii: "\\") else {
                        throw fault("expected both halves of a surrogate pair", at: start)
                    }
                    code.append(try hexadecimal(at: index, within: range))
                    index += 6
                }
                guard let text = String(validating: code, as: UTF16.self) else {
                    throw fault("expected both halves of a surrogate pair", at: start)
                }
                units.append(contentsOf: text.utf8)
            default: throw fault("unknown escape sequence", at: start)
            }
        }
        return String(decoding: units, as: UTF8.self)
    }

    /// The four hexadecimal digits of an escape sequence that begins at an index.
    private func hexadecimal(at start: Int, within range: Range<Int>) throws(OperatorError) -> UInt16 {
        guard start + 6 <= range.upperBound, bytes[start + 1] == UInt8(ascii: "u"),
            bytes[start + 2..<start + 6].allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
            let unit = UInt16(String(decoding: bytes[start + 2..<start + 6], as: UTF8.self), radix: 16)
        else { throw fault("expected four hexadecimal digits", at: start) }
        return unit
    }
}

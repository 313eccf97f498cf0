/// Text of clients, made fit for error sentences.
package enum WireText {
    /// The maximum number of bytes that a sentence quotes.
    static let maxQuoteLength = 64

    /// The text of a client for a sentence: at most 64 bytes, with `?` for characters that cannot be printed, and `""`
    /// for no text.
    package static func quoted(_ bytes: UnsafeRawBufferPointer) -> String {
        guard !bytes.isEmpty else { return "\"\"" }
        guard bytes.count > maxQuoteLength else { return sanitised(String(decoding: bytes, as: UTF8.self)) }
        var end = maxQuoteLength
        // Does not cut a character: its bytes after the first, at most three, are 10xxxxxx.
        while end > maxQuoteLength - 4, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return sanitised(String(decoding: bytes.part(0..<end), as: UTF8.self)) + "..."
    }

    /// The text with `?` for control characters, line separators, and U+FFFD, the replacement of invalid UTF-8.
    package static func sanitised(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { scalars.append(isPrintable(scalar) ? scalar : "?") }
        return String(scalars)
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: false
        default: scalar != "\u{FFFD}"
        }
    }
}

/// The error of bytes that are not valid text for a value.
enum TextFault: Error {
    case invalidUTF8
    case controlCharacter

    /// The end of the sentence `user: …`.
    var explanation: String {
        switch self {
        case .invalidUTF8: "invalid UTF-8"
        case .controlCharacter: "control character"
        }
    }

    /// Finds the first malformed UTF-8 sequence or control character (C0, DEL, C1); nil if there is none.
    init?(in bytes: UnsafeRawBufferPointer) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x80 {
                guard byte >= 0x20, byte != 0x7F else {
                    self = .controlCharacter
                    return
                }
                index += 1
                continue
            }
            let length = Self.sequenceLength(in: bytes, at: index)
            guard length > 0 else {
                self = .invalidUTF8
                return
            }
            // U+0080 … U+009F
            if byte == 0xC2, bytes[index + 1] < 0xA0 {
                self = .controlCharacter
                return
            }
            index += length
        }
        return nil
    }

    /// The length of a sequence that begins with a byte of 0x80 or more; 0 if it is malformed (Unicode 16, table 3-7:
    /// no overlong forms, no surrogates, nothing above U+10FFFF).
    private static func sequenceLength(in bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch bytes[index] {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return 0
        }
        guard index + length <= bytes.count, second.contains(bytes[index + 1]) else { return 0 }
        for offset in 2..<max(2, length) where bytes[index + offset] & 0xC0 != 0x80 { return 0 }
        return length
    }
}

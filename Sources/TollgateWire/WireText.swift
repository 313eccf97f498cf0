/// Text of clients within sentences for people.
package enum WireText {
    /// The most bytes of a client's text that a sentence quotes.
    static let maxQuoteLength = 64

    /// What a client sent, fit for a sentence: at most 64 bytes of it, `?` for what is no printable text, `""` for nothing.
    package static func quoted(_ bytes: UnsafeRawBufferPointer) -> String {
        guard !bytes.isEmpty else { return "\"\"" }
        guard bytes.count > maxQuoteLength else { return sanitised(String(decoding: bytes, as: UTF8.self)) }
        var end = maxQuoteLength
        // Not within a character: its bytes after the first are 10xxxxxx, at most three of them.
        while end > maxQuoteLength - 4, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return sanitised(String(decoding: bytes.part(0..<end), as: UTF8.self)) + "..."
    }

    /// The text with `?` for control characters, line separators, and what decoding has put in the place of bad UTF-8.
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

/// Encodes text from clients as one word of a log line.
package enum LogText {
    /// Percent-encodes white space, quotes and invisible characters.
    ///
    /// - Parameter withPercent: Whether to encode percent signs too, so that the result is unambiguous.
    package static func encoded(_ text: some StringProtocol, withPercent: Bool = false) -> String {
        var word = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard !isPlain(scalar) || (withPercent && scalar == "%") else {
                word.append(scalar)
                continue
            }
            for byte in Character(scalar).utf8 {
                word.append(
                    contentsOf: ("%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)).unicodeScalars
                )
            }
        }
        return String(word)
    }

    /// Returns whether a scalar is visible and neither white space nor a quote.
    static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar != "\"", scalar != "'", !scalar.properties.isWhitespace else { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return false
        default: return true
        }
    }
}

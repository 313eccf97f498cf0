/// Text from outside, as one word that a log can hold beside others.
enum LogText {
    /// What would look like the end of a word, or like nothing at all, percent-encoded.
    ///
    /// - Parameter withPercent: Whether percent signs are too, so that no two texts become the same.
    static func encoded(_ text: some StringProtocol, withPercent: Bool = false) -> String {
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

    /// Neither white space nor a quote nor anything that is not seen.
    static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar != "\"", scalar != "'", !scalar.properties.isWhitespace else { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return false
        default: return true
        }
    }
}

/// Text from outside, for people.
package enum PlainText {
    /// What would end a line, turn around what stands there, or steer the terminal that shows it, becomes `?`.
    package static func oneLine(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: scalars.append("?")
            default: scalars.append(scalar)
            }
        }
        return String(scalars)
    }

    /// At most so many characters.
    package static func shortened(_ text: String, to most: Int) -> String {
        text.unicodeScalars.count <= most ? text : String(text.unicodeScalars.prefix(most - 1)) + "…"
    }
}

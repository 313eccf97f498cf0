import TollgateCore

/// A length or position in a chart, in hundredths of a unit of its view box. Whole numbers, so that the same amounts
/// give the same text everywhere.
struct ChartLength: Hashable, Comparable {
    var hundredths: Int

    init(hundredths: Int) {
        self.hundredths = hundredths
    }

    init(_ units: Int) {
        hundredths = units * 100
    }

    /// Returns a part of the length, rounded down.
    ///
    /// - Parameters:
    ///   - part: 0 … `whole`.
    ///   - whole: 1 or more.
    func scaled(_ part: Int128, of whole: Int128) -> ChartLength {
        ChartLength(hundredths: Int(Int128(hundredths) * part / whole))
    }

    static func < (lhs: ChartLength, rhs: ChartLength) -> Bool { lhs.hundredths < rhs.hundredths }

    static func + (lhs: ChartLength, rhs: ChartLength) -> ChartLength {
        ChartLength(hundredths: lhs.hundredths + rhs.hundredths)
    }

    static func - (lhs: ChartLength, rhs: ChartLength) -> ChartLength {
        ChartLength(hundredths: lhs.hundredths - rhs.hundredths)
    }
}

extension ChartLength: CustomStringConvertible {
    /// The decimal text with at most two decimals: `12`, `0.5`, `-3.25`.
    var description: String {
        let (whole, fraction) = hundredths.magnitude.quotientAndRemainder(dividingBy: 100)
        let sign = hundredths < 0 ? "-" : ""
        if fraction == 0 { return "\(sign)\(whole)" }
        if fraction % 10 == 0 { return "\(sign)\(whole).\(fraction / 10)" }
        return "\(sign)\(whole).\(fraction < 10 ? "0" : "")\(fraction)"
    }
}

/// Builds the elements of charts. Every attribute and every text is escaped here.
enum ChartMarkup {
    /// Returns an element whose content is markup.
    static func element(_ name: String, _ attributes: KeyValuePairs<String, String>, _ content: String) -> String {
        "<\(name)\(text(of: attributes))>\(content)</\(name)>"
    }

    /// Returns an element whose content is text.
    static func text(_ name: String, _ attributes: KeyValuePairs<String, String>, _ text: String) -> String {
        element(name, attributes, Markup.escaped(text))
    }

    /// Returns a mark of a chart. Its tip is shown on hover.
    ///
    /// - Parameter tip: The parts of the tip, such as `12 Nov`, `openai` and `3.20 USD`.
    static func mark(_ name: String, _ attributes: KeyValuePairs<String, String>, tip: [String]) -> String {
        let tip = tip.joined(separator: " · ")
        let start = "<\(name)\(text(of: attributes))\(text(of: ["data-tip": tip]))>"
        return "\(start)\(text("title", [:], tip))</\(name)>"
    }

    /// Returns a picture with a title and a description.
    ///
    /// - Parameter content: The markup of the picture.
    static func picture(
        cssClass: String, width: ChartLength, height: ChartLength, of data: ChartData, description: String,
        _ content: String
    ) -> String {
        let head =
            text("title", ["id": "\(data.id)-title"], data.title)
            + text("desc", ["id": "\(data.id)-desc"], description)
        return element(
            "svg",
            [
                "class": cssClass, "role": "img", "viewBox": "0 0 \(width) \(height)",
                "aria-labelledby": "\(data.id)-title \(data.id)-desc",
            ], head + content)
    }

    private static func text(of attributes: KeyValuePairs<String, String>) -> String {
        attributes.map { " \($0)=\"\(Markup.escaped($1))\"" }.joined()
    }

    // MARK: - Names

    /// The maximum length of a name, in scalars. The page has tables with the whole names.
    private static let maxNameLength = 60

    /// Returns a name as one short line of visible text.
    static func name(_ name: String) -> String {
        let line = PlainText.shortened(PlainText.oneLine(name), to: maxNameLength)
        // Noncharacters are the only other scalars that XML does not allow.
        let scalars = line.unicodeScalars.map { $0.properties.isNoncharacterCodePoint ? "?" : $0 }
        return String(String.UnicodeScalarView(scalars))
    }

    /// Returns a name for use within a sentence. Isolates keep the letters of right-to-left names from reordering the
    /// amounts beside them.
    static func isolatedName(_ name: String) -> String {
        let name = self.name(name)
        return name.utf8.allSatisfy { $0 < 0x80 } ? name : "\u{2068}\(name)\u{2069}"
    }
}

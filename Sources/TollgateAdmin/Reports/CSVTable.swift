/// A CSV table with a header (RFC 4180).
struct CSVTable {
    private(set) var text = ""

    init(_ header: [String]) {
        add(header)
    }

    /// Adds a row. Cells with ids or labels must go through `defused` first.
    mutating func add(_ cells: [String]) {
        text += cells.map(Self.quoted).joined(separator: ",") + "\r\n"
    }

    /// Prevents spreadsheets from reading text as a formula, by an apostrophe in front. Text that begins with an
    /// apostrophe gets another one, so that the first can always be removed.
    static func defused(_ text: String) -> String {
        guard let first = text.utf8.first, "=+-@'\t\r\n".utf8.contains(first) else { return text }
        return "'" + text
    }

    private static func quoted(_ cell: String) -> String {
        guard cell.utf8.contains(where: { "\",\r\n".utf8.contains($0) }) else { return cell }
        // By scalar, because a quote and a combining mark form one `Character`.
        var result = String.UnicodeScalarView("\"".unicodeScalars)
        for scalar in cell.unicodeScalars {
            result.append(scalar)
            if scalar == "\"" { result.append(scalar) }
        }
        result.append("\"")
        return String(result)
    }
}

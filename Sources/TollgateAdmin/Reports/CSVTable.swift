/// Rows of cells as RFC 4180 has them, with a header.
struct CSVTable {
    private(set) var text = ""

    init(_ header: [String]) {
        add(header)
    }

    /// Cells as they are; those that hold ids or labels go through `defused` first.
    mutating func add(_ cells: [String]) {
        text += cells.map(Self.quoted).joined(separator: ",") + "\r\n"
    }

    /// Text that a spreadsheet takes for text: where it would read a formula, an apostrophe stands before it, and also where one
    /// stands there already, so that the first apostrophe can be taken away again.
    static func defused(_ text: String) -> String {
        guard let first = text.utf8.first, "=+-@'\t\r\n".utf8.contains(first) else { return text }
        return "'" + text
    }

    private static func quoted(_ cell: String) -> String {
        guard cell.utf8.contains(where: { "\",\r\n".utf8.contains($0) }) else { return cell }
        // By scalar: a quote and a combining mark after it are one Character.
        var result = String.UnicodeScalarView("\"".unicodeScalars)
        for scalar in cell.unicodeScalars {
            result.append(scalar)
            if scalar == "\"" { result.append(scalar) }
        }
        result.append("\"")
        return String(result)
    }
}

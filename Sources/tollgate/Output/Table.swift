import TollgateAdmin

/// A table with a heading, whose columns are as wide as their widest cell.
struct Table {
    private var rows: [[String]]
    /// The columns of amounts, which are right-aligned.
    private let amounts: Set<String>

    /// Creates an empty table.
    ///
    /// - Parameters:
    ///   - heading: The names of the columns.
    ///   - amounts: The names of the columns that contain amounts.
    init(_ heading: [String], amounts: Set<String> = []) {
        rows = [heading]
        self.amounts = amounts
    }

    mutating func add(_ row: [String]) {
        rows.append(row.map(JSONValue.printable))
    }

    /// Adds a horizontal rule, for example above totals.
    mutating func addRule() {
        rows.append([])
    }

    var isEmpty: Bool { rows.count == 1 }

    /// The lines of the table, without trailing white space.
    var text: String {
        let heading = rows[0]
        let widths = heading.indices.map { column in
            rows.map { $0.isEmpty ? 0 : TerminalWidth.of($0[column]) }.max() ?? 0
        }
        return rows.map { row in
            guard !row.isEmpty else { return widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ") }
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - TerminalWidth.of(cell))
                line +=
                    (column == 0 ? "" : "  ") + (amounts.contains(heading[column]) ? padding + cell : cell + padding)
            }
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}

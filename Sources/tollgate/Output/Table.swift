import TollgateAdmin

/// Rows under a heading, in columns as wide as what stands in them.
struct Table {
    private var rows: [[String]]
    /// Columns of amounts, which stand to the right.
    private let amounts: Set<String>

    /// - Parameters:
    ///   - heading: The names of the columns.
    ///   - amounts: Those of them that hold amounts.
    init(_ heading: [String], amounts: Set<String> = []) {
        rows = [heading]
        self.amounts = amounts
    }

    mutating func add(_ row: [String]) {
        rows.append(row.map(JSONValue.printable))
    }

    /// A line between what stands above and what follows, such as totals.
    mutating func addRule() {
        rows.append([])
    }

    var isEmpty: Bool { rows.count == 1 }

    /// Lines without white space at their ends.
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

import TollgateAdmin

/// A table with a heading, whose columns are as wide as their widest cell.
///
/// At a terminal, a table is no wider than that: the middles of the widest texts are cut out. Amounts and the columns
/// named in `whole` are never cut. If that is not enough, `optional` columns are left out. Everywhere else, the table is
/// complete.
struct Table {
    /// The columns that are cut keep this width.
    private static let minWidth = 8

    private var rows: [[String]]
    /// The colours of rows, as SGR codes.
    private var colours: [Int: Int] = [:]
    /// The columns of amounts, which are right-aligned.
    private let amounts: Set<String>
    /// The columns that are never cut, such as those of times.
    private let whole: Set<String>
    /// The columns that a narrow terminal does not show. The first is left out first.
    private let optional: [String]

    /// Creates an empty table.
    ///
    /// - Parameters:
    ///   - heading: The names of the columns.
    ///   - amounts: The names of the columns that contain amounts.
    ///   - whole: The names of other columns that are never cut.
    ///   - optional: The names of the columns that a narrow terminal does not show.
    init(_ heading: [String], amounts: Set<String> = [], whole: Set<String> = [], optional: [String] = []) {
        rows = [heading]
        self.amounts = amounts
        self.whole = whole
        self.optional = optional
    }

    /// Adds a row.
    ///
    /// - Parameter colour: The colour of the row at a terminal, as an SGR code.
    mutating func add(_ row: [String], colour: Int? = nil) {
        colours[rows.count] = colour
        rows.append(row.map(JSONValue.printable))
    }

    /// Adds a horizontal rule, for example above totals.
    mutating func addRule() {
        rows.append([])
    }

    var isEmpty: Bool { rows.count == 1 }

    /// The width of the table in columns of the terminal, if nothing is cut.
    var width: Int {
        let widths = widths(on: nil)
        return widths.reduce(0, +) + 2 * max(widths.count - 1, 0)
    }

    /// The lines of the table, without trailing white space.
    var text: String { text(on: nil) }

    /// Returns the lines of the table, without trailing white space.
    ///
    /// - Parameter terminal: Where they are printed. Nil cuts and colours nothing.
    func text(on terminal: Terminal?) -> String {
        let widths = widths(on: terminal)
        if let terminal, terminal.isTerminal, Self.total(widths) > terminal.columns, let name = optional.first,
            let column = rows[0].firstIndex(of: name)
        {
            return without(column).text(on: terminal)
        }
        return rows.enumerated().map { index, row in
            guard !row.isEmpty else { return widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ") }
            let line = line(of: row, widths, terminal)
            guard let terminal, let colour = colours[index] else { return line }
            return terminal.coloured(line, colour)
        }.joined(separator: "\n")
    }

    /// Returns the table without its first optional column.
    private func without(_ column: Int) -> Table {
        var table = Table(rows[0], amounts: amounts, whole: whole, optional: Array(optional.dropFirst()))
        table.colours = colours
        table.rows = rows.map { row in row.indices.filter { $0 != column }.map { row[$0] } }
        return table
    }

    private static func total(_ widths: [Int]) -> Int { widths.reduce(2 * (widths.count - 1), +) }

    private func line(of row: [String], _ widths: [Int], _ terminal: Terminal?) -> String {
        var line = ""
        for (column, cell) in row.enumerated() {
            let cell = terminal?.isTerminal == true ? terminal?.cut(cell, to: widths[column]) ?? cell : cell
            let padding = String(repeating: " ", count: max(widths[column] - TerminalWidth.of(cell), 0))
            line += (column == 0 ? "" : "  ") + (amounts.contains(rows[0][column]) ? padding + cell : cell + padding)
        }
        return String(line.reversed().drop { $0 == " " }.reversed())
    }

    private func widths(on terminal: Terminal?) -> [Int] {
        let heading = rows[0]
        var widths = heading.indices.map { column in
            rows.map { $0.isEmpty ? 0 : TerminalWidth.of($0[column]) }.max() ?? 0
        }
        guard let terminal, terminal.isTerminal else { return widths }
        while Self.total(widths) > terminal.columns {
            let cuttable = heading.indices.filter { column in
                !amounts.contains(heading[column]) && !whole.contains(heading[column])
                    && widths[column] > max(Self.minWidth, TerminalWidth.of(heading[column]))
            }
            guard let widest = cuttable.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
        }
        return widths
    }
}

/// A chart of horizontal bars. Each bar has one or several segments.
struct BarChart {
    struct Bar {
        /// The label in front of the bar.
        var label: String
        /// The formatted amount.
        var text: String
        /// The amounts of the segments, 0 or more, in the order of `names`. One if there are no names.
        var segments: [Double]

        var amount: Double { segments.reduce(0, +) }
    }

    /// The names and formatted totals of the segments. Empty if bars have one segment.
    var names: [(name: String, text: String)]
    var bars: [Bar]

    private static let leastCells = 10
    /// The maximum width of a name in the legend.
    private static let maxNameLength = 24
    private static let gapInLegend = "   "
    /// Blocks from one eighth of a cell to a full cell.
    private static let eighths = ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"].map(Character.init)
    /// Cyan, yellow, magenta, green, blue, grey.
    private static let colours = [36, 33, 35, 32, 34, 90]

    /// The number of segments that the terminal can distinguish.
    static func maxNames(on terminal: Terminal) -> Int { terminal.hasColour ? colours.count : 4 }

    /// Draws the legend if there are names, then one line per bar: label, amount, bar. Lines have no trailing white
    /// space and fit the terminal.
    func lines(on terminal: Terminal) -> [String] {
        let texts = bars.map { TerminalWidth.of($0.text) }.max() ?? 0
        let room = max(terminal.columns - texts - 4 - Self.leastCells, 1)
        let labels = min(bars.map { TerminalWidth.of($0.label) }.max() ?? 0, room)
        let cells = max(terminal.columns - labels - texts - 4, Self.leastCells)
        let maxAmount = bars.map(\.amount).max() ?? 0
        let drawn = bars.map { bar in
            let label = terminal.shortened(bar.label, to: max(labels, 1))
            let head =
                label + spaces(labels - TerminalWidth.of(label)) + "  "
                + spaces(texts - TerminalWidth.of(bar.text)) + bar.text
            let drawing =
                maxAmount > 0 && bar.amount > 0 ? draw(bar, bar.amount / maxAmount * Double(cells), terminal) : ""
            return drawing.isEmpty ? head : "\(head)  \(drawing)"
        }
        return names.isEmpty ? drawn : legend(on: terminal) + [""] + drawn
    }

    private func spaces(_ count: Int) -> String { String(repeating: " ", count: max(count, 0)) }

    /// Draws the legend, with as many names per line as fit.
    private func legend(on terminal: Terminal) -> [String] {
        var lines: [(text: String, width: Int)] = []
        for (index, name) in names.enumerated() {
            let room = max(terminal.columns - 3 - TerminalWidth.of(name.text), 1)
            let text = "\(terminal.shortened(name.name, to: min(room, Self.maxNameLength))) \(name.text)"
            let entry = "\(terminal.coloured(glyph(index, terminal), Self.colours[index])) \(text)"
            let width = 2 + TerminalWidth.of(text)
            if let last = lines.last, last.width + Self.gapInLegend.count + width <= terminal.columns {
                lines[lines.count - 1].text += Self.gapInLegend + entry
                lines[lines.count - 1].width += Self.gapInLegend.count + width
            } else {
                lines.append((entry, width))
            }
        }
        return lines.map(\.text)
    }

    /// Draws a bar.
    ///
    /// - Parameter length: The length in cells.
    private func draw(_ bar: Bar, _ length: Double, _ terminal: Terminal) -> String {
        if names.isEmpty { return terminal.coloured(solid(length, terminal), Self.colours[0]) }
        let cells = max(Int(length.rounded()), 1)
        var (drawn, sum, line) = (0, 0.0, "")
        for (index, segment) in bar.segments.enumerated() {
            // Positions are rounded, not lengths, so that the segments add up to the bar.
            sum += segment
            let end = min(Int((sum / bar.amount * Double(cells)).rounded()), cells)
            let text = String(repeating: glyph(index, terminal), count: max(end - drawn, 0))
            line += terminal.coloured(text, Self.colours[index])
            drawn = max(drawn, end)
        }
        return line
    }

    /// Draws a bar of one segment. Any amount above zero is visible.
    private func solid(_ length: Double, _ terminal: Terminal) -> String {
        guard terminal.isUTF8 else { return String(repeating: "#", count: max(Int(length.rounded()), 1)) }
        let eighths = max(Int((length * 8).rounded()), 1)
        let whole = String(repeating: Self.eighths[7], count: eighths / 8)
        return eighths % 8 == 0 ? whole : whole + String(Self.eighths[eighths % 8 - 1])
    }

    /// Returns the character of a segment. Without colours, segments differ in density.
    private func glyph(_ index: Int, _ terminal: Terminal) -> String {
        if terminal.hasColour { return terminal.isUTF8 ? "█" : "#" }
        return (terminal.isUTF8 ? ["█", "▓", "▒", "░"] : ["#", "=", "+", "."])[index]
    }
}

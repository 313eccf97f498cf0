/// The area of a chart with its axes: a grid with amounts at the left, and the labels of the columns below.
struct ChartFrame {
    static let width = ChartLength(720)
    static let height = ChartLength(240)

    private static let top = ChartLength(26)
    private static let bottom = ChartLength(216)
    private static let minLeft = ChartLength(52)
    private static let minRight = ChartLength(20)
    /// The space between an axis and its labels.
    private static let gap = ChartLength(6)
    /// A generous estimate of the width of a character of an axis.
    private static let characterWidth = ChartLength(hundredths: 650)

    let columns: [String]
    let unit: AmountUnit
    let axis: ChartAxis
    private let left: ChartLength
    private let right: ChartLength

    /// Creates a frame for amounts up to a maximum.
    init(columns: [String], unit: AmountUnit, max maxAmount: Int128) {
        self.columns = columns
        self.unit = unit
        axis = ChartAxis(max: maxAmount)
        let amounts = axis.ticks.map { Self.textWidth(unit.compact($0)) }.max() ?? Self.gap
        left = max(Self.minLeft, amounts + Self.gap + Self.gap)
        right = Self.width - max(Self.minRight, Self.halved(Self.labelWidth(of: columns)))
    }

    /// Whether there is an amount to show.
    var hasUsage: Bool { axis.ticks.count > 1 }

    // MARK: - Positions

    /// Returns the vertical position of an amount. Negative ones are at the bottom.
    func y(_ amount: Int128) -> ChartLength {
        Self.bottom - (Self.bottom - Self.top).scaled(max(amount, 0), of: axis.top)
    }

    /// Returns the position of the left edge of a column; of the right edge of the last one for the number of columns.
    func x(_ column: Int) -> ChartLength {
        left + (right - left).scaled(Int128(column), of: Int128(max(columns.count, 1)))
    }

    /// Returns the centre of a column.
    func centre(_ column: Int) -> ChartLength { Self.halved(x(column) + x(column + 1)) }

    /// Returns the bar of a column: its left edge and its width, four fifths of the column.
    func bar(_ column: Int) -> (x: ChartLength, width: ChartLength) {
        let width = x(column + 1) - x(column)
        return (x(column) + width.scaled(1, of: 10), width.scaled(8, of: 10))
    }

    private static func halved(_ length: ChartLength) -> ChartLength { length.scaled(1, of: 2) }

    private static func textWidth(_ text: String) -> ChartLength {
        characterWidth.scaled(Int128(text.unicodeScalars.count), of: 1)
    }

    private static func labelWidth(of columns: [String]) -> ChartLength {
        columns.map(textWidth).max() ?? ChartLength(0)
    }

    // MARK: - Markup

    /// The grid and the labels of both axes.
    var markup: String { grid + labels }

    private var grid: String {
        let name = ChartMarkup.text("text", ["class": "axis", "x": "0", "y": "14"], ChartMarkup.name(unit.name))
        return axis.ticks.map { line(at: $0) + amount(at: $0) }.joined() + name
    }

    private func line(at tick: Int128) -> String {
        let y = "\(y(tick))"
        return ChartMarkup.element(
            "line", ["class": tick == 0 ? "base" : "tick", "x1": "\(left)", "y1": y, "x2": "\(right)", "y2": y], "")
    }

    private func amount(at tick: Int128) -> String {
        let (x, y) = (left - Self.gap, y(tick) + ChartLength(4))
        return ChartMarkup.text(
            "text", ["class": "axis", "x": "\(x)", "y": "\(y)", "text-anchor": "end"], unit.compact(tick))
    }

    private var labels: String {
        labelledColumns.map { column in
            ChartMarkup.text(
                "text",
                [
                    "class": "axis", "x": "\(centre(column))", "y": "\(Self.bottom + ChartLength(16))",
                    "text-anchor": "middle",
                ], ChartMarkup.name(columns[column]))
        }.joined()
    }

    /// The columns with a label: as many as fit beside each other at equal distances. The last one always has one.
    var labelledColumns: [Int] {
        guard !columns.isEmpty else { return [] }
        let needed = Self.labelWidth(of: columns) + Self.gap
        let stride = columns.indices.first { x($0 + 1) - x(0) >= needed }.map { $0 + 1 } ?? columns.count
        return columns.indices.filter { (columns.count - 1 - $0) % stride == 0 }
    }

    /// The words in the middle of a chart without amounts.
    var emptyNotice: String {
        ChartMarkup.text(
            "text",
            [
                "class": "axis empty", "x": "\(Self.halved(left + right))",
                "y": "\(Self.halved(Self.top + Self.bottom))", "text-anchor": "middle",
            ], "No usage in this period")
    }
}

/// A chart of a bar per day or month, stacked by provider, tool or model: the largest series at the bottom, and what has
/// no colour of its own at the top.
struct StackedBars {
    private let data: ChartData
    private let series: [ChartSeries]
    /// The totals of the columns.
    private let totals: [Int128]

    init(_ data: ChartData) {
        self.data = data
        series = data.stacked
        totals = ChartData.sums(of: series.map(\.values), data.columns.count)
    }

    /// The chart and its legend.
    var markup: String {
        // Refunds can exceed usage: negative amounts are in the totals, and are not drawn.
        let heights = ChartData.sums(of: series.map { $0.values.map { max($0, 0) } }, data.columns.count)
        let frame = ChartFrame(columns: data.columns, unit: data.unit, max: heights.max() ?? 0)
        return ChartFigure(data: data, series: series, frame: frame, maximum: maximum).markup {
            data.columns.indices.map { hover($0, in: frame) + bar($0, in: frame) }.joined()
        }
    }

    /// The largest total of a column, and the column's label.
    private var maximum: (amount: Int128, at: [String])? {
        zip(totals, data.columns).max { $0.0 < $1.0 }.map { ($0, [$1]) }
    }

    /// Returns the area behind a bar, whose tip is the total of the column. It also stands for parts too small to hover.
    private func hover(_ column: Int, in frame: ChartFrame) -> String {
        let (x, y) = (frame.x(column), frame.y(frame.axis.top))
        return ChartMarkup.mark(
            "rect",
            [
                "fill": "none", "pointer-events": "all", "x": "\(x)", "y": "\(y)",
                "width": "\(frame.x(column + 1) - x)", "height": "\(frame.y(0) - y)",
            ], tip: [ChartMarkup.isolatedName(data.columns[column]), data.unit.text(totals[column])])
    }

    private func bar(_ column: Int, in frame: ChartFrame) -> String {
        let (x, width) = frame.bar(column)
        var sum: Int128 = 0
        var marks = ""
        for part in series where part.values[column] > 0 {
            // Positions are rounded, not heights, so that the parts add up to the bar.
            let lower = frame.y(sum)
            sum += part.values[column]
            let upper = frame.y(sum)
            marks += ChartMarkup.mark(
                "rect",
                [
                    "class": part.cssClass, "x": "\(x)", "y": "\(upper)", "width": "\(width)",
                    "height": "\(lower - upper)",
                ],
                tip: [
                    ChartMarkup.isolatedName(data.columns[column]), ChartMarkup.isolatedName(part.name),
                    data.unit.text(part.values[column]),
                ])
        }
        return marks
    }
}

/// A chart of up to eight scopes beside each other: a line per scope, and a point per day or month.
struct Lines {
    private let data: ChartData
    private let series: [ChartSeries]

    init(_ data: ChartData) {
        self.data = data
        series = data.compared
    }

    /// The chart and its legend.
    var markup: String {
        let maximum = maximum
        let frame = ChartFrame(columns: data.columns, unit: data.unit, max: maximum?.amount ?? 0)
        // The points come last, so that no line covers a point.
        return ChartFigure(data: data, series: series, frame: frame, maximum: maximum).markup {
            series.map { line($0, in: frame) }.joined() + series.map { points(of: $0, in: frame) }.joined()
        }
    }

    /// The largest amount of a series on a column, with the names of both.
    private var maximum: (amount: Int128, at: [String])? {
        let amounts = series.flatMap { series in
            zip(series.values, data.columns).map { (amount: $0, at: [series.name, $1]) }
        }
        return amounts.max { $0.amount < $1.amount }
    }

    private func line(_ series: ChartSeries, in frame: ChartFrame) -> String {
        let points = series.values.enumerated().map { column, amount in "\(frame.centre(column)),\(frame.y(amount))" }
        return ChartMarkup.mark(
            "polyline",
            ["class": "line \(series.cssClass)", "fill": "none", "points": points.joined(separator: " ")],
            tip: [ChartMarkup.isolatedName(series.name), data.unit.text(series.total)])
    }

    private func points(of series: ChartSeries, in frame: ChartFrame) -> String {
        series.values.enumerated().map { column, amount in
            ChartMarkup.mark(
                "circle",
                [
                    "class": "point \(series.cssClass)", "cx": "\(frame.centre(column))", "cy": "\(frame.y(amount))",
                    "r": "3",
                ],
                tip: [
                    ChartMarkup.isolatedName(data.columns[column]), ChartMarkup.isolatedName(series.name),
                    data.unit.text(amount),
                ])
        }.joined()
    }
}

/// A line without axes, as small as a word, for cells of tables and cards.
struct Sparkline {
    private static let width = ChartLength(120)
    private static let height = ChartLength(24)
    /// The space for the width of the line.
    private static let margin = ChartLength(2)

    private let data: ChartData
    private let values: [Int128]

    /// Creates a sparkline of the sums of all series.
    init(_ data: ChartData) {
        self.data = data
        values = ChartData.sums(of: data.stacked.map(\.values), data.columns.count)
    }

    /// The picture, without a legend.
    var markup: String {
        let summary = ChartSummary(data)
        let hasUsage = values.contains { $0 > 0 }
        let maximum = zip(values, data.columns).max { $0.0 < $1.0 }.map { (amount: $0, at: [$1]) }
        return ChartMarkup.picture(
            cssClass: "sparkline", width: Self.width, height: Self.height, of: data,
            description: hasUsage
                ? summary.sentence(total: values.reduce(0, +), maximum: maximum) : summary.sentenceWithoutUsage,
            ChartMarkup.element("polyline", ["class": "line s1", "fill": "none", "points": points], ""))
    }

    /// The points of the line, from edge to edge. A single amount is a level line.
    private var points: String {
        let amounts = values.count == 1 ? values + values : values
        let top = max(amounts.max() ?? 0, 1)
        let last = Int128(max(amounts.count - 1, 1))
        let room = Self.height - Self.margin - Self.margin
        return amounts.enumerated().map { index, amount in
            let y = Self.height - Self.margin - room.scaled(max(amount, 0), of: top)
            return "\(Self.width.scaled(Int128(index), of: last)),\(y)"
        }.joined(separator: " ")
    }
}

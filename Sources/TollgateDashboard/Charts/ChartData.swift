/// The amounts of a chart: a row of days or months, and a series of amounts for each line or part of the bars.
struct ChartData: Sendable {
    /// A named row of amounts.
    struct Series: Sendable {
        /// The name, such as a provider or a scope. It can be any text.
        var name: String
        /// The amounts in the order of the columns. Missing ones are 0.
        var values: [Int64]
        /// Whether the series combines what has no name of its own. It comes last and has no colour of its own.
        var isOther: Bool

        init(_ name: String, _ values: [Int64], isOther: Bool = false) {
            self.name = name
            self.values = values
            self.isOther = isOther
        }
    }

    /// The prefix of ids in the page, of ASCII letters, digits and hyphens. It must be unique in the page.
    var id: String
    /// The title for screen readers, such as `Cost by day and provider`.
    var title: String
    /// The labels of the days or months, such as `12 Nov`. The oldest comes first.
    var columns: [String]
    var series: [Series]
    var unit: AmountUnit
}

/// A series as it is drawn. Its amounts can be sums over several series, so they need not be `Int64`.
struct ChartSeries {
    /// The maximum number of series with a colour of their own.
    static let maxCount = 8

    var name: String
    /// The CSS class that selects the colour: `s1` … `s8`, and `so` for the other ones.
    var cssClass: String
    /// The amounts, one per column.
    var values: [Int128]

    var total: Int128 { values.reduce(0, +) }
}

extension ChartData {
    /// The series of a comparison, in their order. At most eight.
    var compared: [ChartSeries] {
        series.prefix(ChartSeries.maxCount).enumerated().map { index, series in
            ChartSeries(
                name: series.name, cssClass: series.isOther ? "so" : "s\(index + 1)", values: values(of: series))
        }
    }

    /// The parts of stacked bars: the series with the largest totals first, and the sum of all others last. Series
    /// without amounts are left out.
    var stacked: [ChartSeries] {
        let used = series.filter { series in values(of: series).contains { $0 != 0 } }
        let named = used.filter { !$0.isOther }
            .map { ChartSeries(name: $0.name, cssClass: "", values: values(of: $0)) }
            .sorted(by: Self.precedes)
        var parts = Array(named.prefix(ChartSeries.maxCount))
        for index in parts.indices { parts[index].cssClass = "s\(index + 1)" }
        let given = used.filter(\.isOther)
        let others = named.dropFirst(ChartSeries.maxCount).map(\.values) + given.map(values)
        if !others.isEmpty {
            // In brackets, because a series may be called `other`.
            let name = given.first?.name ?? "(other)"
            parts.append(ChartSeries(name: name, cssClass: "so", values: Self.sums(of: others, columns.count)))
        }
        return parts
    }

    private func values(of series: Series) -> [Int128] {
        let values = series.values.prefix(columns.count).map { Int128($0) }
        return values + Array(repeating: 0, count: columns.count - values.count)
    }

    /// Returns the sums of rows by column.
    static func sums(of rows: [[Int128]], _ count: Int) -> [Int128] {
        rows.reduce(into: Array(repeating: 0, count: count)) { sums, row in
            for (index, value) in row.enumerated() { sums[index] += value }
        }
    }

    /// Orders series by their totals, then by the bytes of their names.
    private static func precedes(_ lhs: ChartSeries, _ rhs: ChartSeries) -> Bool {
        let (left, right) = (lhs.total, rhs.total)
        return left == right ? lhs.name.utf8.lexicographicallyPrecedes(rhs.name.utf8) : left > right
    }
}

/// A chart with its legend.
///
/// The legend is HTML beside the picture, so that it wraps on narrow screens and its text can be selected.
struct ChartFigure {
    let data: ChartData
    /// The series as they are drawn, in the order of the legend.
    let series: [ChartSeries]
    let frame: ChartFrame
    /// The largest amount, and the names of where it is.
    let maximum: (amount: Int128, at: [String])?

    /// Returns the figure.
    ///
    /// - Parameter marks: The markup within the frame. A chart without usage has a notice instead.
    func markup(marks: () -> String) -> String {
        let summary = ChartSummary(data)
        let total = series.reduce(0) { $0 + $1.total }
        let picture = ChartMarkup.picture(
            cssClass: "chart", width: ChartFrame.width, height: ChartFrame.height, of: data,
            description: frame.hasUsage
                ? summary.sentence(total: total, maximum: maximum) : summary.sentenceWithoutUsage,
            frame.markup + (frame.hasUsage ? marks() : frame.emptyNotice))
        return ChartMarkup.element("figure", ["class": "chart-figure"], picture + legend)
    }

    private var legend: String {
        guard !series.isEmpty else { return "" }
        return ChartMarkup.element("ul", ["class": "legend"], series.map(entry).joined())
    }

    private func entry(of series: ChartSeries) -> String {
        let swatch = ChartMarkup.text("span", ["class": "swatch \(series.cssClass)"], "")
        let name = ChartMarkup.text("bdi", [:], ChartMarkup.name(series.name))
        let total = ChartMarkup.text(
            "span", ["class": "number", "title": data.unit.text(series.total)], data.unit.compactText(series.total))
        return ChartMarkup.element("li", [:], "\(swatch)\(name) \(total)")
    }
}

/// The sentence that describes a chart to screen readers.
struct ChartSummary {
    private let range: String
    private let unit: AmountUnit

    init(_ data: ChartData) {
        unit = data.unit
        let ends = data.columns.count > 1 ? [data.columns[0], data.columns[data.columns.count - 1]] : data.columns
        range = ends.isEmpty ? "" : ends.map(ChartMarkup.isolatedName).joined(separator: " to ") + ": "
    }

    /// Returns the sentence: `1 Nov to 30 Nov: total 96.20 USD, maximum 8.10 USD (12 Nov).`
    ///
    /// - Parameters:
    ///   - total: The sum of all amounts.
    ///   - maximum: The largest amount, and the names of where it is.
    func sentence(total: Int128, maximum: (amount: Int128, at: [String])?) -> String {
        let largest = maximum.map { maximum in
            let names = maximum.at.map(ChartMarkup.isolatedName).joined(separator: ", ")
            return ", maximum \(unit.text(maximum.amount)) (\(names))"
        }
        return "\(range)total \(unit.text(total))\(largest ?? "")."
    }

    /// The sentence of a chart without usage.
    var sentenceWithoutUsage: String { "\(range)no usage." }
}

import TollgateAdmin
import TollgateCore
import TollgateStores

/// The segments of the bars of a split report: the largest parts, and all others combined.
struct ChartStack {
    private struct Key: Hashable {
        var name: String
        var isOther: Bool
    }

    private let dimension: String
    private let meter: HistoryMeter
    private let indices: [Key: Int]
    /// The names of the segments and their formatted amounts.
    let legend: [(name: String, text: String)]

    /// Selects the segments.
    ///
    /// - Parameters:
    ///   - rows: All days or months of the chart.
    ///   - decimals: `decimals` of the report.
    ///   - max: The maximum number of segments, 2 or more.
    init(rows: [JSONValue], dimension: String, meter: HistoryMeter, decimals: JSONValue, max: Int) {
        self.dimension = dimension
        self.meter = meter
        let parts = Self.visibleParts(rows, dimension, meter)
        let shown = parts.count > max ? Array(parts.prefix(max - 1)) : parts
        let rest = parts.dropFirst(shown.count)
        indices = Dictionary(uniqueKeysWithValues: shown.enumerated().map { ($1.key, $0) })
        var legend = shown.map { (name: JSONValue.printable($0.name), amount: $0.amount) }
        if !rest.isEmpty { legend.append(("\(rest.count) others", ReportAmount.sum(rest.map(\.amount), meter))) }
        self.legend = legend.map { ($0.name, ReportAmount.column([$0.amount], meter, decimals: decimals)[0]) }
    }

    /// Returns the total of each part over all rows, largest first, without parts that are invisible in every row.
    private static func visibleParts(
        _ rows: [JSONValue], _ dimension: String, _ meter: HistoryMeter
    ) -> [(key: Key, name: String, amount: JSONValue)] {
        var order: [Key] = []
        var found: [Key: (name: String, amounts: [JSONValue])] = [:]
        for part in rows.flatMap({ $0["by"].array }) {
            let key = key(part, dimension)
            if found[key] == nil { order.append(key) }
            found[key, default: (ReportText.name(part, dimension), [])].amounts.append(part[meter.name])
        }
        return order.compactMap { key in
            guard let part = found[key], part.amounts.contains(where: { ReportAmount.length($0) > 0 }) else {
                return nil
            }
            return (key, part.name, ReportAmount.sum(part.amounts, meter))
        }
        .sorted { ReportAmount.length($0.2) > ReportAmount.length($1.2) }
    }

    /// Returns the segments of a row in the order of the legend. A negative part, from a refund without labels,
    /// shortens all others in proportion, so that the bar is as long as the row's total.
    func segments(of row: JSONValue) -> [Double] {
        var segments = [Double](repeating: 0, count: legend.count)
        var isLess = false
        for part in row["by"].array {
            let length = ReportAmount.length(part[meter.name])
            let index = indices[Self.key(part, dimension)] ?? legend.count - 1
            if length > 0 { segments[index] += length } else if length < 0 { isLess = true }
        }
        let sum = segments.reduce(0, +)
        guard isLess, sum > 0 else { return segments }
        let total = ReportAmount.length(row[meter.name])
        return segments.map { $0 * total / sum }
    }

    private static func key(_ part: JSONValue, _ dimension: String) -> Key {
        // Names are never empty, so the empty name stands for null.
        Key(name: part[dimension].string ?? "", isOther: part["is_other"] == .bool(true))
    }
}

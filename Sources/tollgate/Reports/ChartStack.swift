import TollgateAdmin
import TollgateCore

/// Which pieces the bars of a split report have: the largest, and all others together.
struct ChartStack {
    private struct Key: Hashable {
        var name: String
        var isOther: Bool
    }

    private let dimension: String
    private let meter: HistoryMeter
    private let places: [Key: Int]
    /// The names of the pieces, and their amounts for people.
    let legend: [(name: String, text: String)]

    /// - Parameter most: how many pieces a bar may have, 2 or more.
    init(total: JSONValue, dimension: String, meter: HistoryMeter, most: Int) {
        self.dimension = dimension
        self.meter = meter
        let parts = total["by"].array.map { (part: $0, length: ReportAmount.length($0[meter.name])) }
            .filter { $0.length > 0 }.sorted { $0.length > $1.length }.map(\.part)
        let shown = parts.count > most ? Array(parts.prefix(most - 1)) : parts
        let rest = parts.dropFirst(shown.count)
        places = Dictionary(shown.enumerated().map { (Self.key($1, dimension), $0) }) { first, _ in first }
        var names = shown.map { ReportText.name($0, dimension) }
        var amounts = shown.map { $0[meter.name] }
        if !rest.isEmpty {
            names.append("\(rest.count) others")
            amounts.append(ReportAmount.sum(rest.map { $0[meter.name] }, meter))
        }
        let texts = ReportAmount.column(amounts, meter)
        legend = zip(names, texts).map { (JSONValue.printable(Self.short($0)), $1) }
    }

    /// In the order of the legend.
    func pieces(of row: JSONValue) -> [Double] {
        var pieces = [Double](repeating: 0, count: legend.count)
        for part in row["by"].array {
            let length = ReportAmount.length(part[meter.name])
            let place = places[Self.key(part, dimension)] ?? legend.count - 1
            if length > 0 { pieces[place] += length }
        }
        return pieces
    }

    private static func key(_ part: JSONValue, _ dimension: String) -> Key {
        // Nothing that has a name is told by the text of null.
        Key(name: part[dimension].string ?? "", isOther: part["is_other"] == .bool(true))
    }

    private static func short(_ name: String) -> String {
        name.count > 24 ? name.prefix(23) + "…" : name
    }
}

/// The text of a price file, with one model a line, by provider and name. `PriceFile` reads it as the same prices. Pure.
package struct PriceFileWriter {
    private let table: PriceTable
    private let currency: String

    package init(_ table: PriceTable, currency: String) {
        self.table = table
        self.currency = currency
    }

    /// Returns the text.
    ///
    /// - Parameter comments: Lines for the head of the file.
    package func text(comments: [String]) -> String {
        var lines = comments.map(YAMLWriter.comment)
        lines.append("currency: \(currency)\nprices:\n")
        for (name, provider) in table.providers.sorted(by: { $0.key < $1.key }) {
            lines.append("  \(YAMLWriter.key(name)):\n")
            for (model, series) in provider.namedSeries {
                lines.append("    \(YAMLWriter.key(model)): \(Self.text(of: series))\n")
            }
        }
        return lines.joined()
    }

    private static func text(of series: PriceTable.Series) -> String {
        let prices = series.steps.map { step in
            let from = step.from.map { "from: \($0), " } ?? ""
            let rates = ModelPrice.Item.allCases.compactMap { item in
                step.price.rates[item].map { "\(item.rawValue): \($0)" }
            }
            return "{ \(from)\(rates.joined(separator: ", ")) }"
        }
        return prices.count == 1 && series.steps[0].from == nil ? prices[0] : "[\(prices.joined(separator: ", "))]"
    }
}

extension PriceTable.Provider {
    /// The prices by the names of a price file: exact names and prefixes in alphabetical order, `default` at the end.
    package var namedSeries: [(name: String, series: PriceTable.Series)] {
        let names = models.map { ($0.key, $0.value) } + prefixes.map { ($0.key + "*", $0.value) }
        return names.sorted { $0.0 < $1.0 } + (others.map { [("default", $0)] } ?? [])
    }
}

import TollgateAdmin
import TollgatePolicy

/// The report of an import for people.
struct PriceImportText {
    /// The maximum number of fields that are listed.
    private static let maxFields = 20
    /// The maximum number of names that are given for a reason.
    private static let maxNames = 3

    private let prices: PriceImport
    private let file: String

    /// - Parameter file: The name of the price map, without its folder.
    init(_ prices: PriceImport, file: String) {
        self.prices = prices
        self.file = JSONValue.printable(file)
    }

    /// The lines at the head of the price file.
    var comments: [String] {
        [
            "Prices of models in US dollars: of a million tokens, and of a request, image or minute.",
            "Imported by tollgate prices import from \(file) (\(prices.format.rawValue)):",
            PricesText.counts(of: prices.table)
                + "; \(PricesText.count(prices.rejectedEntries, "entry", "entries")) of the map not imported",
        ]
    }

    /// The report, without a line end after the last line.
    var text: String {
        let free = prices.freePrices
        let note = free > 0 ? "; \(free) of the prices \(free == 1 ? "is" : "are") 0 throughout, as in the map" : ""
        var lines = [
            "\(file): \(PricesText.count(prices.entries, "entry", "entries")) of \(prices.format.rawValue)",
            "imported: \(prices.importedEntries), as \(PricesText.counts(of: prices.table))\(note)",
        ]
        if prices.otherEntries > 0 { lines.append("of other providers: \(prices.otherEntries)") }
        lines.append("not imported: \(prices.rejectedEntries)")
        lines += prices.groups.map { reason, names in
            let examples = names.prefix(Self.maxNames).map(JSONValue.printable).joined(separator: ", ")
            let others = names.count > Self.maxNames ? ", …" : ""
            return "\(right(names.count))  \(reason.sentence): \(examples)\(others)"
        }
        let fields = prices.sortedFields
        lines.append("fields not imported: \(fields.count)\(fields.isEmpty ? "" : ", by the number of their values")")
        lines += fields.prefix(Self.maxFields).map { "\(right($0.count))  \(JSONValue.printable($0.name))" }
        if fields.count > Self.maxFields {
            let rest = fields.dropFirst(Self.maxFields)
            let count = rest.reduce(0) { $0 + $1.count }
            lines.append("\(right(count))  in \(rest.count) other fields, which --json lists")
        }
        return lines.joined(separator: "\n")
    }

    private func right(_ number: Int) -> String {
        String(repeating: " ", count: max(0, 7 - "\(number)".count)) + "\(number)"
    }
}

/// Phrases about price tables.
enum PricesText {
    /// The size of a table: `2345 prices of 68 providers`.
    static func counts(of table: PriceTable) -> String {
        "\(count(table.count, "price", "prices")) of \(count(table.providers.count, "provider", "providers"))"
    }

    static func count(_ number: Int, _ one: String, _ many: String) -> String {
        "\(number) \(number == 1 ? one : many)"
    }
}

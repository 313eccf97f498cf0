/// The report of an import as JSON, with all names.
extension PriceImport: Encodable {
    private enum CodingKeys: String, CodingKey {
        case format, entries, imported, prices, providers, rejected, fields
        case otherEntries = "other_entries"
        case freePrices = "free_prices"
    }

    private struct Group: Encodable {
        var reason: String
        var count: Int
        var names: [String]
    }

    /// The groups of entries without a price, the largest first.
    package var groups: [(reason: Rejection, names: [String])] {
        Rejection.allCases.compactMap { reason in rejected[reason].map { (reason, $0) } }
            .sorted { $0.1.count > $1.1.count }
    }

    /// The fields that were not read, the most frequent first.
    package var sortedFields: [(name: String, count: Int)] {
        fields.map { ($0.key, $0.value) }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(format, forKey: .format)
        try container.encode(entries, forKey: .entries)
        try container.encode(otherEntries, forKey: .otherEntries)
        try container.encode(importedEntries, forKey: .imported)
        try container.encode(table.count, forKey: .prices)
        try container.encode(table.providers.count, forKey: .providers)
        try container.encode(freePrices, forKey: .freePrices)
        let groups = groups.map { Group(reason: $0.reason.rawValue, count: $0.names.count, names: $0.names) }
        try container.encode(groups, forKey: .rejected)
        try container.encode(fields, forKey: .fields)
    }
}

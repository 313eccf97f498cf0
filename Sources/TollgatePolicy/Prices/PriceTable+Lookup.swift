/// The entries of a price table, and the one that is used for a model.
extension PriceTable {
    /// The way in which the name of an entry matches a model.
    package enum Match: String, Sendable, Encodable {
        case exact
        case prefix
        /// The entry `default` of a provider.
        case other = "default"
    }

    /// The prices of a name.
    package struct Entry: Sendable {
        package var provider: String
        /// A name of a price file: `gpt-4o`, `gpt-4o*` or `default`.
        package var name: String
        package var series: Series
        /// The match with the model that was looked up; nil for a list of all entries.
        package var match: Match?
    }

    /// All entries by provider and name, `default` last.
    package var entries: [Entry] {
        providers.sorted { $0.key < $1.key }.flatMap { provider, prices in
            prices.namedSeries.map { Entry(provider: provider, name: $0.name, series: $0.series) }
        }
    }

    /// The entry of each provider that is used for a model if a request names the provider.
    package func entries(for model: String) -> [Entry] {
        providers.sorted { $0.key < $1.key }.compactMap { provider, prices in
            prices.match(model).map { Entry(provider: provider, name: $0.name, series: $0.series, match: $0.match) }
        }
    }

    /// The entry that is used for a model at a time in Unix ms if a request names no provider; nil if there is none.
    package func entryWithoutProvider(for model: String, at time: Int64) -> Entry? {
        guard let price = price(of: model, provider: nil, at: time) else { return nil }
        let entries = entries(for: model).filter { $0.match != .other && $0.series.price(at: time) == price }
        return entries.first { $0.match == .exact } ?? entries.first
    }
}

extension PriceTable.Provider {
    fileprivate func match(
        _ model: String
    ) -> (name: String, series: PriceTable.Series, match: PriceTable.Match)? {
        if let series = models[model] { return (model, series, .exact) }
        let prefix = prefixes.keys.filter { model.utf8.starts(with: $0.utf8) }.max { $0.utf8.count < $1.utf8.count }
        if let prefix, let series = prefixes[prefix] { return (prefix + "*", series, .prefix) }
        return others.map { ("default", $0, .other) }
    }
}

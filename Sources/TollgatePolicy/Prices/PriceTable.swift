package import TollgateCore

/// The prices of models, by provider and model. Immutable once it is part of a policy.
package struct PriceTable: Sendable, Equatable {
    /// The prices of a model over time.
    package struct Series: Sendable, Equatable {
        /// A price from a time on.
        package struct Step: Sendable, Equatable {
            /// The first day of the price; nil for the first price.
            package var from: UTCDay?
            package var price: ModelPrice

            package init(from: UTCDay? = nil, price: ModelPrice) {
                self.from = from
                self.price = price
            }
        }

        /// The prices in ascending order of their first days; at least one. Only the first may have no first day.
        package var steps: [Step]

        package init(_ steps: [Step]) {
            self.steps = steps
        }

        /// The price at a time in Unix ms; nil before the first one.
        package func price(at time: Int64) -> ModelPrice? {
            steps.last { $0.from.map { $0.start * 1_000 <= time } ?? true }?.price
        }
    }

    /// The prices of a provider.
    package struct Provider: Sendable, Equatable {
        /// The prices by the exact name of the model.
        package var models: [String: Series] = [:]
        /// The prices of models by the beginning of their names.
        package var prefixes: [String: Series] = [:]
        /// The price of all other models.
        package var others: Series?

        /// The lengths of the prefixes in bytes, descending, so that the longest matching prefix is found first.
        fileprivate var prefixLengths: [Int] = []

        package init() {}

        /// Whether a text is the exact name of a model, or the beginning of one and a `*`.
        static func isName(_ text: String) -> Bool {
            ScopeID.isValid(text) && text != "default" && text != "*" && !text.dropLast().contains("*")
        }

        /// Adds the prices of a name that ``isName(_:)`` accepts.
        mutating func add(_ series: Series, as name: String) {
            if name.hasSuffix("*") {
                prefixes[String(name.dropLast())] = series
            } else {
                models[name] = series
            }
        }

        /// The prices of a model: those of its exact name, or of the longest prefix of it, or of all other models.
        package func prices(of model: String) -> Series? {
            models[model] ?? longestPrefix(of: model) ?? others
        }

        /// The prices of the longest prefix of a model.
        fileprivate func longestPrefix(of model: String) -> Series? {
            let bytes = model.utf8
            for length in prefixLengths where length <= bytes.count {
                if let prefix = String(bytes.prefix(length)), let series = prefixes[prefix] { return series }
            }
            return nil
        }
    }

    /// The prices by provider.
    package private(set) var providers: [String: Provider] = [:]
    /// The providers that have a price for exactly this model.
    private var providersOfModel: [String: Set<String>] = [:]

    package init() {}

    /// Whether the table has no prices.
    package var isEmpty: Bool { providers.isEmpty }

    /// The number of prices: models, prefixes and defaults, each with all its steps as one.
    package var count: Int {
        providers.values.reduce(0) { $0 + $1.models.count + $1.prefixes.count + ($1.others == nil ? 0 : 1) }
    }

    /// Adds prices of a provider. Of two for the same name or prefix the new one stays.
    package mutating func add(_ prices: Provider, of name: String) {
        var provider = providers[name] ?? Provider()
        for model in prices.models.keys where provider.models[model] == nil {
            providersOfModel[model, default: []].insert(name)
        }
        provider.models.merge(prices.models) { $1 }
        provider.prefixes.merge(prices.prefixes) { $1 }
        provider.others = prices.others ?? provider.others
        provider.prefixLengths = Set(provider.prefixes.keys.map(\.utf8.count)).sorted(by: >)
        providers[name] = provider
    }

    /// Returns the table with the prices of another one, which take precedence for the same provider and name.
    package func overlaid(with other: PriceTable) -> PriceTable {
        var table = self
        for (name, prices) in other.providers { table.add(prices, of: name) }
        return table
    }

    /// Returns the prices of a provider, or of a model, or of both; nil stands for all. Those of a model are its exact
    /// price and those of all prefixes of it.
    package func filtered(provider: String?, model: String?) -> PriceTable {
        var table = PriceTable()
        for (name, prices) in providers where provider == nil || name == provider {
            guard let model else {
                table.add(prices, of: name)
                continue
            }
            var found = Provider()
            found.models = prices.models.filter { $0.key == model }
            found.prefixes = prices.prefixes.filter { model.hasPrefix($0.key) }
            if provider != nil { found.others = prices.others }
            let isEmpty = found.models.isEmpty && found.prefixes.isEmpty && found.others == nil
            if !isEmpty { table.add(found, of: name) }
        }
        return table
    }

    /// Returns the table with the ids of these kinds of scopes in lower case, as requests name them.
    package func folding(_ kinds: Set<String>) -> PriceTable {
        let (foldsProviders, foldsModels) = (kinds.contains("provider"), kinds.contains("model"))
        guard foldsProviders || foldsModels else { return self }
        func fold(_ prices: [String: Series]) -> [String: Series] {
            Dictionary(prices.sorted { $0.key < $1.key }.map { (ScopeID.lowercased($0.key), $0.value) }) { $1 }
        }
        var table = PriceTable()
        for (name, prices) in providers.sorted(by: { $0.key < $1.key }) {
            var prices = prices
            if foldsModels { (prices.models, prices.prefixes) = (fold(prices.models), fold(prices.prefixes)) }
            table.add(prices, of: foldsProviders ? ScopeID.lowercased(name) : name)
        }
        return table
    }

    /// The prices of a model at a time in Unix ms, by provider: that of the provider, or without one those of all providers
    /// that have a price for exactly this model, or else for a prefix of it. The price of all other models of a provider
    /// is not used then.
    package func candidates(
        for model: String, provider: String?, at time: Int64
    ) -> [(provider: String, price: ModelPrice)] {
        if let provider {
            let price = providers[provider]?.prices(of: model)?.price(at: time)
            return price.map { [(provider, $0)] } ?? []
        }
        let names = providersOfModel[model]?.sorted()
        return (names ?? providers.keys.sorted()).compactMap { name in
            let series = names == nil ? providers[name]?.longestPrefix(of: model) : providers[name]?.models[model]
            return series?.price(at: time).map { (name, $0) }
        }
    }

    /// The price of a model at a time in Unix ms; nil if there is none. Without a provider, the one with the highest price
    /// of input and output together, and of several such that of the first provider by name.
    package func price(of model: String, provider: String?, at time: Int64) -> ModelPrice? {
        let candidates = candidates(for: model, provider: provider, at: time).map(\.price)
        return candidates.dropFirst().reduce(candidates.first) { dearest, price in
            dearest.map { price.textTokens > $0.textTokens ? price : $0 }
        }
    }
}

extension ModelPrice {
    /// The price of input and output together, for a comparison.
    fileprivate var textTokens: Int128 {
        [Item.input, .output].reduce(0) { $0 + Int128(rates[$1]?.picos ?? 0) }
    }
}

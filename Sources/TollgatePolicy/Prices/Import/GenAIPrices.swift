import TollgateCore

/// A provider in the price map of genai-prices, `data.json`: a list of providers with models, which have rules for their
/// names and prices of a million tokens, a thousand requests or an hour.
struct GenAIPrices {
    private static let fields = PriceFields(fields: [
        (.input, [.init("input_mtok")]),
        (.output, [.init("output_mtok")]),
        (.cacheRead, [.init("cache_read_mtok")]),
        (.cacheWrite, [.init("cache_write_mtok")]),
        (.request, [.init("requests_kcount", .perThousand), .init("rerank_searches_kcount", .perThousand)]),
        (
            .minute,
            [
                .init("audio_hours", .perHour), .init("input_audio_hours", .perHour),
                .init("output_audio_hours", .perHour),
            ]
        ),
    ])

    private struct Model {
        var name: String
        var rule: NameRule
        var prices: Result<PriceTable.Series, PriceImport.Rejection>
    }

    private let node: DocumentNode

    init(_ provider: DocumentNode) {
        node = provider
    }

    /// The providers of a document in this format; nil for one in another.
    static func providers(of root: DocumentNode) -> [DocumentNode]? {
        guard let items = root.items, items.contains(where: { $0["models"]?.items != nil }) else { return nil }
        return items
    }

    /// Reads the models of the provider. Returns false if that would take too long.
    ///
    /// A name has the price of the first model whose rule matches it, as genai-prices looks it up. A sidecar looks for
    /// the exact name and then the longest prefix, which comes to the same if each has that price.
    func read(into report: inout PriceImport) -> Bool {
        let entries = node["models"]?.items ?? []
        report.entries += entries.count
        guard let provider = node["id"]?.text, ScopeID.isValid(provider) else {
            for entry in entries { report.reject(entry["id"]?.text ?? "", .noProvider) }
            return true
        }
        guard report.wants(provider) else {
            report.otherEntries += entries.count
            return true
        }
        if node["fallback_model_providers"]?.items?.isEmpty == false { report.count("fallback_model_providers") }
        let models = entries.map { model($0, of: provider, counting: &report) }
        guard let index = NameRule.Index(models.map(\.rule)) else { return false }
        var prices = PriceTable.Provider()
        for (number, model) in models.enumerated() {
            do throws(PriceImport.Rejection) {
                let series = try model.prices.get()
                let names = model.rule.names.filter { model.rule.matches($0) }
                guard !names.isEmpty else { throw .unusableRules }
                let usable = names.filter(\.isUsable)
                guard !usable.isEmpty else { throw .unusableName }
                let own = usable.filter { index.firstMatch(of: $0) == number }
                guard !own.isEmpty else { throw .shadowed }
                for name in own { prices.add(series, as: name.text) }
            } catch {
                report.reject("\(provider)/\(model.name)", error)
            }
        }
        // The names of models without a usable price may have that of another model.
        let names = Set(models.flatMap(\.rule.names)).filter(\.isUsable)
        for name in names where !prices.has(name.text) {
            guard let number = index.firstMatch(of: name), case .success(let series) = models[number].prices else {
                continue
            }
            prices.add(series, as: name.text)
        }
        if !prices.models.isEmpty || !prices.prefixes.isEmpty { report.table.add(prices, of: provider) }
        return true
    }

    private func model(_ entry: DocumentNode, of provider: String, counting report: inout PriceImport) -> Model {
        let rule = NameRule(entry["match"])
        for kind in rule.narrowedKinds { report.count("match.\(kind)") }
        for _ in entry["price_variants"]?.items ?? [] { report.count("price_variants") }
        let prices: Result<PriceTable.Series, PriceImport.Rejection>
        do throws(PriceImport.Rejection) {
            prices = .success(try series(entry["prices"], counting: &report))
        } catch {
            prices = .failure(error)
        }
        return Model(name: entry["id"]?.text ?? "", rule: rule, prices: prices)
    }

    // MARK: - Prices

    /// Reads a price, or a list of prices with conditions. Of those whose condition is met, the last one applies, or else
    /// the first of all.
    private func series(
        _ node: DocumentNode?, counting report: inout PriceImport
    ) throws(PriceImport.Rejection) -> PriceTable.Series {
        guard let items = node?.items else {
            guard let members = node?.members else { throw .noPrice }
            return PriceTable.Series([.init(price: try Self.fields.price(of: members, counting: &report))])
        }
        var steps: [PriceTable.Series.Step] = []
        for item in items {
            guard let members = item["prices"]?.members else { throw .malformedEntry }
            var from: UTCDay?
            if let date = item["constraint"]?["start_date"] {
                guard let day = date.text.flatMap({ UTCDay(parsing: $0) }) else { throw .malformedEntry }
                from = day
            } else if let constraint = item["constraint"], !constraint.isNull {
                // A time of the day.
                report.count("prices.constraint")
                if !steps.isEmpty { continue }
            }
            let price = try Self.fields.price(of: members, counting: &report)
            guard let from, !steps.isEmpty else {
                steps = [.init(price: price)]
                continue
            }
            while let last = steps.last?.from, last >= from { steps.removeLast() }
            if steps.last?.price != price { steps.append(.init(from: from, price: price)) }
        }
        guard !steps.isEmpty else { throw .noPrice }
        return PriceTable.Series(steps)
    }
}

extension PriceTable.Provider {
    fileprivate func has(_ name: String) -> Bool {
        name.hasSuffix("*") ? prefixes[String(name.dropLast())] != nil : models[name] != nil
    }
}

import TollgateCore
import TollgatePolicy

/// A price table for the terminal: a row for each price, or those of the entries that are used for a model.
struct PriceListText {
    private let table: PriceTable
    private let provider: String?
    private let model: String?
    private let entries: [PriceTable.Entry]

    /// - Parameters:
    ///   - provider: Nil for all providers.
    ///   - model: The exact name of the model whose entries are listed; nil for all entries.
    init(_ table: PriceTable, provider: String? = nil, model: String? = nil) {
        self.table = table
        self.provider = provider
        self.model = model
        let all = model.map { table.entries(for: $0) } ?? table.entries
        entries = all.filter { provider == nil || $0.provider == provider }
    }

    var isEmpty: Bool { entries.isEmpty }

    /// The sentence for an empty list.
    var nothing: String {
        if let provider, table.providers[provider] == nil { return "no provider \(provider)" }
        return model.map { "no price for the model \($0)" } ?? "no prices"
    }

    /// The table. For a model it ends with the entry that is used if a request names no provider.
    ///
    /// - Parameter time: The time of that request in Unix ms.
    func text(on terminal: Terminal?, at time: Int64) -> String {
        let items = ModelPrice.Item.allCases.filter { item in
            entries.contains { $0.series.steps.contains { $0.price.rates[item] != nil } }
        }
        let hasDates = entries.contains { $0.series.steps.contains { $0.from != nil } }
        let names = items.map { $0.rawValue.replacing("_", with: " ") }
        let heading =
            ["provider", model == nil ? "model" : "entry"] + (model == nil ? [] : ["match"]) + names
            + (hasDates ? ["from"] : [])
        var table = Table(heading, amounts: Set(names), whole: ["match", "from"])
        for entry in entries {
            for step in entry.series.steps {
                let rates = items.map { step.price.rates[$0]?.description ?? "-" }
                let match = entry.match.map { [$0.rawValue] } ?? []
                table.add(
                    [entry.provider, entry.name] + match + rates + (hasDates ? [step.from?.description ?? "-"] : []))
            }
        }
        return ([table.text(on: terminal)] + note(at: time)).joined(separator: "\n\n")
    }

    private func note(at time: Int64) -> [String] {
        guard let model, provider == nil else { return [] }
        guard let entry = table.entryWithoutProvider(for: model, at: time) else {
            return ["Without a provider, a request has no price: a default counts only for a provider that is named."]
        }
        let others = entries.count { $0.match == entry.match } > 1 ? ", the dearest of them" : ""
        return ["Without a provider, a request has the price of \(entry.provider), \(entry.name)\(others)."]
    }

    // MARK: - JSON

    private struct EntryView: Encodable {
        var provider: String
        var name: String
        var match: PriceTable.Match?
        var prices: PriceTable.Series
    }

    private struct ListView: Encodable {
        var currency: String?
        var items: [EntryView]
    }

    /// The list as JSON on one line. Rates are decimal text.
    func json(currency: String?) throws -> String {
        let items = entries.map { EntryView(provider: $0.provider, name: $0.name, match: $0.match, prices: $0.series) }
        return try CanonicalJSON.text(ListView(currency: currency, items: items))
    }
}

import TollgateCore

extension PolicyReader {
    /// The value of `prices`: models and their prices by provider.
    func prices(_ entry: Entry) -> PriceTable {
        var table = PriceTable()
        let expected = "a map of providers such as { openai: { gpt-4o: { input: 2.50, output: 10 } } }"
        for provider in entries(of: entry.value, at: entry.position, expected: expected) where isID(provider) {
            var prices = PriceTable.Provider()
            let expected = "a map of models such as { gpt-4o: { input: 2.50, output: 10 } }"
            for model in entries(of: provider.value, at: provider.position, expected: expected) where isID(model) {
                guard let series = priceSeries(model) else { continue }
                add(series, of: model, to: &prices)
            }
            table.add(prices, of: provider.key)
        }
        return table
    }

    /// The value of `unknown_model`.
    func unknownModelRule(_ entry: Entry) -> UnknownModelRule? {
        if entry.value.members != nil { return price(entry.value, at: entry.position).map { .price($0) } }
        switch entry.value.text {
        case "warn": return .warn
        case "refuse": return .refuse
        default:
            report(
                position(of: entry.value, at: entry.position),
                "expected warn, refuse, or a price such as { input: 5, output: 20 }\(found(entry.value))")
            return nil
        }
    }

    private func isID(_ entry: Entry) -> Bool {
        guard ScopeID.isValid(entry.key) else {
            report(entry.position, "expected 1 to \(ScopeID.maxLength) bytes of text without control characters")
            return false
        }
        return true
    }

    private func add(_ series: PriceTable.Series, of model: Entry, to prices: inout PriceTable.Provider) {
        let name = model.key
        if name == "default" { return prices.others = series }
        if name == "*" { return report(model.position, "write default for the price of all other models") }
        guard PriceTable.Provider.isName(name) else {
            return report(model.position, "a * may only be at the end of a name")
        }
        prices.add(series, as: name)
    }

    // MARK: - Prices

    /// A price, or a list of prices with the days from which they apply.
    private func priceSeries(_ entry: Entry) -> PriceTable.Series? {
        let expected = "a price such as { input: 2.50, output: 10 }, or a list of prices with from: dates"
        guard entry.value.items != nil else {
            guard entry.value.members != nil else {
                report(position(of: entry.value, at: entry.position), "expected \(expected)\(found(entry.value))")
                return nil
            }
            return step(entry.value, at: entry.position).map { PriceTable.Series([$0]) }
        }
        var steps: [PriceTable.Series.Step] = []
        for item in items(of: entry.value, at: entry.position, expected: expected) {
            guard let step = step(item.value, at: item.position) else { return nil }
            if let last = steps.last {
                guard let from = step.from else {
                    report(item.position, "from is missing; only the first price may have none")
                    return nil
                }
                guard last.from.map({ $0 < from }) ?? true else {
                    report(item.position, "from: expected dates in ascending order")
                    return nil
                }
            }
            steps.append(step)
        }
        guard !steps.isEmpty else {
            report(entry.position, "expected at least one price")
            return nil
        }
        return PriceTable.Series(steps)
    }

    private func step(_ node: DocumentNode, at position: Position) -> PriceTable.Series.Step? {
        guard let price = price(node, at: position, others: ["from"]) else { return nil }
        guard let from = node["from"] else { return PriceTable.Series.Step(price: price) }
        guard let text = from.text, let day = UTCDay(parsing: text) else {
            report(
                self.position(of: from, at: position.at("from", line: position.line)),
                "expected a date such as 2026-12-31\(found(from))")
            return nil
        }
        return PriceTable.Series.Step(from: day, price: price)
    }

    /// A map of rates. Reports a map without any.
    private func price(_ node: DocumentNode, at position: Position, others: [String] = []) -> ModelPrice? {
        let known = ModelPrice.Item.allCases.map(\.rawValue)
        let entries = entries(
            of: node, at: position, expected: "a price such as { input: 2.50, output: 10 }", noun: "item",
            allowed: known + others)
        var price = ModelPrice()
        for entry in entries {
            guard let item = ModelPrice.Item(rawValue: entry.key) else { continue }
            // In quotes too, as an exported policy has it.
            guard let text = entry.value.text, !text.hasLeadingZero, let rate = Rate(parsing: text) else {
                report(
                    self.position(of: entry.value, at: entry.position),
                    "expected a decimal number from 0 to \(Rate.maxWhole), such as 2.50\(found(entry.value))")
                return nil
            }
            price.rates[item] = rate
        }
        guard node.members != nil, entries.count == node.members?.count else { return nil }
        guard !price.rates.isEmpty else {
            report(position, "expected at least one of \(known.joined(separator: ", "))")
            return nil
        }
        return price
    }
}

/// The fields of a price map that the items of a price are read from.
struct PriceFields {
    /// A field, and its unit.
    struct Field {
        let name: String
        let scale: Rate.Scale

        init(_ name: String, _ scale: Rate.Scale = .same) {
            self.name = name
            self.scale = scale
        }
    }

    /// The fields of an item in order of precedence. The first one that is not 0 is the price.
    let fields: [(item: ModelPrice.Item, fields: [Field])]

    /// Reads the price of an entry, and counts its other prices.
    ///
    /// - Parameters:
    ///   - members: The fields of the entry.
    ///   - isPrice: Whether a field is a price.
    ///   - isUsable: Whether the price of a field has the meaning of its item in this entry.
    ///   - report: Counts the prices that are not read.
    func price(
        of members: [DocumentNode.Member], isPrice: (String) -> Bool = { _ in true },
        isUsable: (String) -> Bool = { _ in true }, counting report: inout PriceImport
    ) throws(PriceImport.Rejection) -> ModelPrice {
        var values: [String: DocumentNode] = [:]
        for member in members where !member.value.isNull {
            if let name = member.key.text, isPrice(name) { values[name] = member.value }
        }
        var price = ModelPrice()
        var failure: PriceImport.Rejection?
        for (item, fields) in fields {
            for field in fields where isUsable(field.name) {
                guard let node = values[field.name] else { continue }
                let base = node["base"]
                do throws(PriceImport.Rejection) {
                    guard let text = (base ?? node).plainText else { throw .malformedPrice }
                    let rate = try Rate(number: text, field.scale)
                    let known = price.rates[item] ?? .free
                    guard known == .free || rate == known || rate == .free else { continue }
                    price.rates[item] = known == .free ? rate : known
                } catch {
                    failure = failure ?? error
                }
                values[field.name] = nil
                if base != nil { report.count("\(field.name).tiers") }
            }
        }
        // Without a provider's other prices, an entry is not free because the remaining ones are 0.
        let others = values.filter { $0.value.isNonzero }
        for name in others.keys { report.count(name) }
        if let failure { throw failure }
        guard price.rates.values.contains(where: { $0 != .free }) || others.isEmpty && !price.rates.isEmpty else {
            throw others.isEmpty ? .noPrice : .otherPrices
        }
        return price
    }
}

extension ModelPrice {
    /// Whether all rates are 0.
    var isFree: Bool { rates.values.allSatisfy { $0 == .free } }
}

extension DocumentNode {
    /// Whether a number other than 0 is in the node.
    fileprivate var isNonzero: Bool {
        switch content {
        case .scalar(let text, let isPlain):
            isPlain && text.utf8.prefix { $0 | 0x20 != UInt8(ascii: "e") }.contains { (0x31...0x39).contains($0) }
        case .list(let items): items.contains(where: \.isNonzero)
        case .map(let members): members.contains(where: \.value.isNonzero)
        }
    }
}

import Testing
import TollgateCore
import TollgateStores

/// What has to hold of any page, whatever was counted and taken back.
extension StoredHistory {
    /// Of numbers of a scope's day or month, what readers say named no label, by `cost/provider`; without what is 0.
    func unnamed(_ numbers: [String: Int64], of scope: String) -> [String: Int64] {
        var result: [String: Int64] = [:]
        for dimension in HistoryDimension.allCases {
            for share in shares(numbers, by: dimension, of: scope) where share.name == .unnamed {
                for meter in HistoryMeter.allCases where share.amounts[meter] != 0 {
                    result["\(meter.name)/\(dimension.name)"] = share.amounts[meter]
                }
            }
        }
        return result
    }

    private func page(_ numbers: [String: Int64]) -> HistoryRecord {
        numbers.reduce(into: HistoryRecord()) { page, number in
            if let field = HistoryField(number.key.utf8) { page.add(number.value, to: field) }
        }
    }

    private func shares(
        _ numbers: [String: Int64], by dimension: HistoryDimension, of scope: String
    ) -> [HistoryShare] {
        guard let scope = try? Scope(parsing: scope) else { return [] }
        return page(numbers).shares(by: dimension, of: scope)
    }

    /// Every day and every month by its scope.
    private var allNumbers: [(name: String, scope: String, numbers: [String: Int64])] {
        scopesAndIDs(of: "day").map { ("\($0.scope) \($0.id)", $0.scope, day($0.id, of: $0.scope)) }
            + scopesAndIDs(of: "month").map { ("\($0.scope) \($0.id)", $0.scope, month($0.id, of: $0.scope)) }
    }

    /// No number is below zero; what readers split a day or a month into sums up to it; and there are at most 200 labels of a
    /// dimension on a page, as many as the page says.
    func expectSums(_ location: SourceLocation = #_sourceLocation) {
        for (key, page) in pages.merging(running, uniquingKeysWith: { page, _ in page }) {
            for (field, amount) in Self.amounts(page) {
                #expect(amount >= 0, "\(key) \(field)", sourceLocation: location)
            }
            for dimension in ReferenceHistory.dimensions {
                let labels = Set(
                    page.keys.compactMap { $0.split(separator: "/\(dimension)=", maxSplits: 1).dropFirst().first })
                let count = Self.count(dimension, of: page)
                #expect(labels.count == count && labels.count <= 200, "\(key) \(dimension)", sourceLocation: location)
            }
        }
        for (name, scope, numbers) in allNumbers {
            for dimension in HistoryDimension.allCases {
                var sum = HistoryAmounts()
                for share in shares(numbers, by: dimension, of: scope) { sum += share.amounts }
                #expect(sum == page(numbers).total, "\(name) \(dimension)", sourceLocation: location)
            }
        }
    }

    /// The labels of each of these dimensions sum up to what there is in all: for histories in which every operation names them.
    func expectAllNamed(_ dimensions: [String], _ location: SourceLocation = #_sourceLocation) {
        for (name, scope, numbers) in allNumbers {
            let unnamed = unnamed(numbers, of: scope).filter { number in
                dimensions.contains { number.key.hasSuffix("/\($0)") }
            }
            #expect(unnamed.isEmpty, "\(name)", sourceLocation: location)
        }
    }
}

import Testing
import TollgateCore
import TollgateStores

/// Checks of invariants of day and month records, whatever was counted and taken back.
extension StoredHistory {
    /// Returns the usage without a label in a scope's day or month, by `cost/provider`, without zeros.
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

    /// Every day and month by its scope.
    private var allNumbers: [(name: String, scope: String, numbers: [String: Int64])] {
        scopesAndIDs(of: "day").map { ("\($0.scope) \($0.id)", $0.scope, day($0.id, of: $0.scope)) }
            + scopesAndIDs(of: "month").map { ("\($0.scope) \($0.id)", $0.scope, month($0.id, of: $0.scope)) }
    }

    /// Checks that no number is negative, that the parts of a day or month sum up to it, and that a record has at most
    /// 200 labels of a dimension, as many as it says.
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

    /// Checks that the labels of each of these dimensions sum up to the total, for histories in which every operation
    /// names them.
    func expectAllNamed(_ dimensions: [String], _ location: SourceLocation = #_sourceLocation) {
        for (name, scope, numbers) in allNumbers {
            let unnamed = unnamed(numbers, of: scope).filter { number in
                dimensions.contains { number.key.hasSuffix("/\($0)") }
            }
            #expect(unnamed.isEmpty, "\(name)", sourceLocation: location)
        }
    }
}

package import TollgateCore

/// What one scope used in one day or month, or in several together: in all, and by provider, tool and model.
package struct HistoryRecord: Sendable, Equatable {
    package private(set) var total = HistoryAmounts()
    /// By label: `provider:openai`, `tool:search`, `model:gpt-5`.
    package private(set) var labelled: [Scope.Part: HistoryAmounts] = [:]
    /// Of labels too many for a page.
    package private(set) var other: [HistoryDimension: HistoryAmounts] = [:]

    /// One on which nothing stands.
    package init() {}

    /// - Parameter amount: 0 or more.
    package mutating func add(_ amount: Int64, to field: HistoryField) {
        switch field.place {
        case .total: total.add(amount, to: field.meter)
        case .label(let part): labelled[part, default: HistoryAmounts()].add(amount, to: field.meter)
        case .other(let dimension): other[dimension, default: HistoryAmounts()].add(amount, to: field.meter)
        }
    }

    package static func += (sum: inout HistoryRecord, more: HistoryRecord) {
        sum.total += more.total
        sum.labelled.merge(more.labelled) { $0.plus($1) }
        sum.other.merge(more.other) { $0.plus($1) }
    }

    /// All of them together.
    package static func sum(of pages: some Sequence<HistoryRecord>) -> HistoryRecord {
        pages.reduce(into: HistoryRecord()) { $0 += $1 }
    }
}

extension HistoryAmounts {
    fileprivate func plus(_ more: HistoryAmounts) -> HistoryAmounts {
        var sum = self
        sum += more
        return sum
    }
}

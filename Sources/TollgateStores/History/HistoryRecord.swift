package import TollgateCore

/// The usage of a scope in a day, a month or several of them: the total, and by provider, tool and model.
package struct HistoryRecord: Sendable, Equatable {
    package private(set) var total = HistoryAmounts()
    /// Usage by label: `provider:openai`, `tool:search`, `model:gpt-5`.
    package private(set) var labelled: [Scope.Part: HistoryAmounts] = [:]
    /// Usage of the labels beyond the maximum per record.
    package private(set) var other: [HistoryDimension: HistoryAmounts] = [:]

    /// Creates an empty record.
    package init() {}

    /// Adds an amount, 0 or more, to a field.
    package mutating func add(_ amount: Int64, to field: HistoryField) {
        switch field.part {
        case .total: total.add(amount, to: field.meter)
        case .label(let label): labelled[label, default: HistoryAmounts()].add(amount, to: field.meter)
        case .other(let dimension): other[dimension, default: HistoryAmounts()].add(amount, to: field.meter)
        }
    }

    package static func += (sum: inout HistoryRecord, more: HistoryRecord) {
        sum.total += more.total
        sum.labelled.merge(more.labelled) { $0 + $1 }
        sum.other.merge(more.other) { $0 + $1 }
    }

    /// Returns the sum of records.
    package static func sum(of records: some Sequence<HistoryRecord>) -> HistoryRecord {
        records.reduce(into: HistoryRecord()) { $0 += $1 }
    }
}

package import TollgateCore

/// The share of one provider, tool or model in a history record.
package struct HistoryShare: Sendable, Hashable {
    package enum Name: Sendable, Hashable {
        case label(String)
        /// The labels beyond the maximum per record.
        case other
        /// Requests without a label, less refunds without one. Can be negative.
        case unnamed
    }

    package var name: Name
    package var amounts: HistoryAmounts

    package init(_ name: Name, _ amounts: HistoryAmounts) {
        self.name = name
        self.amounts = amounts
    }

    /// Returns whether `lhs` is listed before `rhs`: by their amounts, then by their bytes.
    fileprivate static func precedes(_ lhs: HistoryShare, _ rhs: HistoryShare) -> Bool {
        if let first = lhs.amounts.precedes(rhs.amounts) { return first }
        guard case .label(let left) = lhs.name, case .label(let right) = rhs.name else { return false }
        return left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}

extension HistoryRecord {
    /// Splits the record by a dimension: labels by cost, then `other`, then `unnamed`, without shares that are all
    /// zero.
    ///
    /// The shares add up to the total. If refunds without a label exceed the usage without one, `unnamed` is negative.
    ///
    /// - Parameter scope: The scope of the record. The record of `provider:openai` belongs to openai as a whole.
    package func shares(by dimension: HistoryDimension, of scope: Scope) -> [HistoryShare] {
        if scope.parts.count == 1, let own = scope.parts.first, own.kind == dimension.name {
            return total.isZero ? [] : [HistoryShare(.label(own.id), total)]
        }
        var shares = labelled.filter { $0.key.kind == dimension.name && !$0.value.isZero }
            .map { HistoryShare(.label($0.key.id), $0.value) }
        shares.sort(by: HistoryShare.precedes)
        if let other = other[dimension], !other.isZero { shares.append(HistoryShare(.other, other)) }
        var named = HistoryAmounts()
        for share in shares { named += share.amounts }
        let rest = total.subtracting(named)
        if !rest.isZero { shares.append(HistoryShare(.unnamed, rest)) }
        return shares
    }
}

package import TollgateCore

/// The part of a page that one provider, tool or model has.
package struct HistoryShare: Sendable, Hashable {
    package enum Name: Sendable, Hashable {
        case label(String)
        /// Those past the most labels that a page keeps apart.
        case other
        /// Of requests that named none, less what was taken back without naming any: may be below zero.
        case unnamed
    }

    package var name: Name
    package var amounts: HistoryAmounts

    package init(_ name: Name, _ amounts: HistoryAmounts) {
        self.name = name
        self.amounts = amounts
    }
}

extension HistoryRecord {
    /// The page split up: labels by what they cost, then `other`, then what named none; without what is all zero. They add up to
    /// the page's total: where more was taken back from that than from its labels, what named none is below zero.
    ///
    /// - Parameter scope: whose page it is: that of `provider:openai` is openai's altogether.
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

extension HistoryShare {
    fileprivate static func precedes(_ lhs: HistoryShare, _ rhs: HistoryShare) -> Bool {
        if let first = lhs.amounts.precedes(rhs.amounts) { return first }
        guard case .label(let left) = lhs.name, case .label(let right) = rhs.name else { return false }
        return left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}

package import TollgateCore

/// The rule for requests with a model whose price is not known.
package enum UnknownModelRule: Sendable, Equatable {
    /// They count, without the cost that is not known, and the reply says so.
    case warn
    /// CHECK, PEEK and RESERVE are denied. Usage counts as with ``warn``: it has happened.
    case refuse
    /// They count with the cost of this price, and the reply says that the model's own is not known.
    case price(ModelPrice)
}

/// The prices in force, and the rule for models without one. Pure.
package struct Pricing: Sendable, Equatable {
    package var table: PriceTable
    package var unknownModel: UnknownModelRule

    /// The result of pricing a request.
    package enum Outcome: Sendable, Equatable {
        /// Nothing in the request has a price.
        case nothing
        /// The cost, in the unit of the policy.
        case cost(Int64)
        /// The price of the model, or of an item of the request, is not known. The cost is that of the items whose price
        /// is known, or by the rule for unknown models; nil if there are none.
        case unknown(cost: Int64?)
        /// The model's price is not known, and requests with it are denied.
        case refused
        /// The cost is more than one call may cost.
        case tooLarge
    }

    package init(table: PriceTable = PriceTable(), unknownModel: UnknownModelRule = .warn) {
        self.table = table
        self.unknownModel = unknownModel
    }

    /// Returns the cost of a request.
    ///
    /// - Parameters:
    ///   - time: The time of the usage, Unix ms.
    ///   - isDecision: Whether the request asks for a decision. Usage is never refused.
    package func outcome(
        of amounts: Amounts, model: String, provider: String?, at time: Int64, isDecision: Bool,
        in unit: MoneyUnit
    ) -> Outcome {
        let price = price(of: model, provider: provider, at: time, for: amounts, in: unit)
        let known = price?.cost(of: amounts, in: unit)
        if price != nil, known?.unknownItems.isEmpty ?? true {
            guard let known else { return .nothing }
            return known.amount.map { .cost($0) } ?? .tooLarge
        }
        switch unknownModel {
        case .refuse where isDecision: return .refused
        case .warn, .refuse: return Self.unknown(known)
        case .price(let substitute):
            // The known items at their own price, the others at that of the rule.
            let merged = ModelPrice(substitute.rates.merging(price?.rates ?? [:]) { $1 })
            return Self.unknown(merged.cost(of: amounts, in: unit))
        }
    }

    /// The outcome of a request that has items without a known price.
    private static func unknown(_ cost: ModelPrice.Cost?) -> Outcome {
        guard let cost, cost.knownItems > 0 else { return .unknown(cost: nil) }
        return cost.amount.map { .unknown(cost: $0) } ?? .tooLarge
    }

    /// The price of a model. Without a provider, it is the one by which the request costs most; of several such, that of
    /// the first provider by name.
    private func price(
        of model: String, provider: String?, at time: Int64, for amounts: Amounts, in unit: MoneyUnit
    ) -> ModelPrice? {
        let candidates = table.candidates(for: model, provider: provider, at: time)
        guard candidates.count > 1 else { return candidates.first?.price }
        func cost(_ price: ModelPrice) -> Int64 {
            guard let cost = price.cost(of: amounts, in: unit) else { return -1 }
            return cost.amount ?? .max
        }
        var dearest = candidates[0].price
        for candidate in candidates.dropFirst() where cost(candidate.price) > cost(dearest) {
            dearest = candidate.price
        }
        return dearest
    }
}

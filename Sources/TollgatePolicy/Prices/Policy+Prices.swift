extension Policy {
    /// Returns the policy with the prices of a price file. Those of the policy itself take precedence.
    package func priced(with file: PriceTable) -> Policy {
        var policy = self
        policy.prices = file.folding(foldedKinds).overlaid(with: prices.folding(foldedKinds))
        return policy
    }

    /// The prices and the rule for models without one; nil if the policy has neither, so that nothing is priced.
    package var pricing: Pricing? {
        guard !prices.isEmpty || unknownModel != nil else { return nil }
        return Pricing(table: prices, unknownModel: unknownModel ?? .warn)
    }
}

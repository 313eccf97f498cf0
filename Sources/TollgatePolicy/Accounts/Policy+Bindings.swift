import TollgateCore

extension Policy {
    /// The ids of the accounts that requests count in if they name a provider and no account, by the ids that they name
    /// with `provider=`. Of several accounts with the same one, the first by id.
    package var accountBindings: [String: String] {
        var bindings: [String: String] = [:]
        for (id, account) in accounts {
            guard let binding = account.binding else { continue }
            bindings[binding] = bindings[binding].map { min($0, id) } ?? id
        }
        return bindings
    }

    /// The ids of the accounts whose `bind` has no effect, because requests with that provider count in another account.
    /// Sorted.
    package var accountsNotBound: [String] {
        let bindings = accountBindings
        let others = accounts.filter { id, account in account.binding.map { bindings[$0] != id } ?? false }
        return unusedBindings.union(others.keys).sorted()
    }
}

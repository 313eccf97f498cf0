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

    /// The ids of the accounts, of this policy or of the policy file, whose `bind` has no effect, because requests with that
    /// provider count in another account. Sorted.
    ///
    /// - Parameter file: The policy file, whose bindings those of administrators replace.
    package func accountsNotBound(of file: Policy) -> [String] {
        let bindings = accountBindings
        let own = accounts.compactMapValues(\.binding)
        let all = file.accounts.compactMapValues(\.binding).merging(own) { $1 }
        return all.filter { id, provider in bindings[provider].map { $0 != id } ?? false }.keys.sorted()
    }
}

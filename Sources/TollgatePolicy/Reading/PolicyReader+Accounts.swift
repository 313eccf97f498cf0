import TollgateCore

extension PolicyReader {
    /// An account, its id, and the limits of its scope.
    struct LocatedAccount {
        var id: String
        var position: Position
        var account: Account
        var limits: [LocatedLimit]
        /// The position of `bind`; nil without one.
        var bindPosition: Position?
    }

    private static let accountKeys = [
        "provider", "bind", "credential_file", "credential_env", "billing_day", "sync", "limits",
    ]

    /// The value of `accounts`.
    func accounts(_ entry: Entry) -> [LocatedAccount] {
        let expected = "a map of accounts such as { main: { provider: anthropic } }"
        let entries = entries(of: entry.value, at: entry.position, expected: expected)
        if entries.count > Account.maxCount {
            report(entry.position, "\(entries.count) accounts; there may be at most \(Account.maxCount)")
        }
        let accounts: [LocatedAccount] = entries.compactMap { entry in
            do throws(ScopeError) {
                try ScopeID.validate(entry.key, kind: "account")
            } catch {
                report(entry.position, error.description)
                return nil
            }
            return account(entry, .file)
        }
        reportDuplicates(accounts)
        reportSharedBindings(accounts)
        return accounts
    }

    /// Reports accounts whose ids differ in upper and lower case only, where that makes no difference.
    private func reportDuplicates(_ accounts: [LocatedAccount]) {
        var ids: Set<String> = []
        for located in accounts where !ids.insert(located.id).inserted {
            report(located.position, "duplicate account \(located.id) in another spelling")
        }
    }

    /// Reports accounts that are bound to the same id: a request could count in one of them only.
    private func reportSharedBindings(_ accounts: [LocatedAccount]) {
        var owners: [String: String] = [:]
        for located in accounts {
            guard let binding = located.account.binding, let position = located.bindPosition else { continue }
            if let owner = owners[binding] {
                report(
                    position, "\(owner) and \(located.id) are both bound to \(binding); expected one account for an id")
            } else {
                owners[binding] = located.id
            }
        }
    }

    /// One account: `{ provider: anthropic, credential_file: /etc/tollgate/key }`.
    ///
    /// - Parameter origin: An administrator cannot send a credential to another address than the provider's own, which
    ///   would let them read files of the host.
    func account(_ entry: Entry, _ origin: Origin) -> LocatedAccount? {
        let filters = Set(ProviderKind.allCases.flatMap(\.filters)).sorted()
        guard let value = acceptable(entry, origin) else { return nil }
        let entries = entries(
            of: value, at: entry.position, expected: "a map such as { provider: anthropic }",
            allowed: Self.accountKeys + filters + (origin == .file ? ["base_url"] : []))
        guard value.members != nil else { return nil }
        guard let named = entries.first(where: { $0.key == "provider" }) else {
            report(entry.position.at("provider", line: entry.position.line), "is missing")
            return nil
        }
        guard let provider = word(named.value, at: named.position, as: ProviderKind.self) else { return nil }
        var (account, limits): (Account, [LocatedLimit]) = (Account(provider: provider), [])
        for entry in entries {
            switch entry.key {
            case "limits": limits = accountLimits(entry)
            case _ where filters.contains(entry.key): account.filters[entry.key] = ids(entry, of: provider)
            default: readAccount(entry, origin, into: &account)
            }
        }
        if account.credential == nil, !account.filters.isEmpty || account.baseURL != nil {
            report(entry.position, "credential_file or credential_env is missing, without which no usage is read")
        }
        checkSides(of: limits, account)
        return LocatedAccount(
            id: folded.contains("account") ? ScopeID.lowercased(entry.key) : entry.key, position: entry.position,
            account: account, limits: limits,
            bindPosition: entries.first { $0.key == "bind" }?.position)
    }

    /// Reports limits that name the provider's figures of an account that is not read.
    private func checkSides(of limits: [LocatedLimit], _ account: Account) {
        guard account.credential == nil else { return }
        for located in limits {
            guard let counts = located.limit.counts, counts != .own else { continue }
            report(
                located.position.at("source", line: located.position.line),
                "\(counts.rawValue) needs credential_file or credential_env, without which no usage is read")
        }
    }

    private func readAccount(_ entry: Entry, _ origin: Origin, into account: inout Account) {
        switch entry.key {
        case "credential_file", "credential_env":
            guard let source = credential(entry, origin) else { return }
            guard account.credential == nil else {
                return report(entry.position, "expected credential_file or credential_env, not both")
            }
            account.credential = source
        case "bind": account.binding = binding(entry)
        case "base_url": account.baseURL = address(entry)
        case "billing_day":
            account.billingDay = wholeNumber(entry.value, at: entry.position, in: 1...31).map(Int.init) ?? 1
        case "sync": account.interval = interval(entry) ?? account.interval
        default: break
        }
    }

    /// The id of a scope of the kind `provider`.
    private func binding(_ entry: Entry) -> String? {
        let expected = "the id that requests name with provider=, such as openai"
        guard let id = text(entry.value, at: entry.position, expected: expected) else { return nil }
        do throws(ScopeError) {
            return try Scope(parts: [.init(kind: "provider", id: id)]).foldingCase(of: folded).parts[0].id
        } catch {
            report(position(of: entry.value, at: entry.position), error.description)
            return nil
        }
    }

    private func address(_ entry: Entry) -> String? {
        guard let text = text(entry.value, at: entry.position, expected: "an address") else { return nil }
        guard ProviderAddress.checked(text) != nil else {
            report(position(of: entry.value, at: entry.position), ProviderAddress.expectation)
            return nil
        }
        return text
    }

    /// A time between readings such as `60s` or `15m`.
    private func interval(_ entry: Entry) -> Int? {
        let expected = "a time from 60s to 24h, such as 5m"
        guard let text = text(entry.value, at: entry.position, expected: expected) else { return nil }
        guard let seconds = Account.interval(parsing: text) else {
            report(position(of: entry.value, at: entry.position), "expected \(expected)\(found(entry.value))")
            return nil
        }
        return seconds
    }

    /// Ids of parts of the organization; nil for none.
    private func ids(_ entry: Entry, of provider: ProviderKind) -> [String]? {
        guard provider.filters.contains(entry.key) else {
            report(entry.position, "\(provider.rawValue) has none")
            return nil
        }
        let expected = "a list of ids"
        let ids = items(of: entry.value, at: entry.position, expected: expected).compactMap {
            text($0.value, at: $0.position, expected: "an id")
        }
        if ids.count > ProviderKind.maxIDs {
            report(entry.position, "\(ids.count) ids; there may be at most \(ProviderKind.maxIDs)")
        } else if Set(ids).count < ids.count {
            report(entry.position, "expected each id once")
        } else if !ids.allSatisfy(ProviderKind.isID) {
            report(entry.position, "expected ids of at most \(ProviderKind.maxIDLength) letters, digits, - and _")
        }
        return ids.isEmpty ? nil : ids
    }

    private func accountLimits(_ entry: Entry) -> [LocatedLimit] {
        // They contain no credential, which has been checked before.
        let wasHidden = holdsSecrets
        (holdsSecrets, limitsAreOfAccount) = (false, true)
        defer { (holdsSecrets, limitsAreOfAccount) = (wasHidden, false) }
        let limits = limits(entry.value, at: entry.position)
        if limits.count > Policy.maxLimitsPerScope {
            report(entry.position, "\(limits.count) limits; there may be at most \(Policy.maxLimitsPerScope)")
        }
        return limits
    }
}

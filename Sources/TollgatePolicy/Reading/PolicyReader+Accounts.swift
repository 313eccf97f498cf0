import TollgateCore

extension PolicyReader {
    /// An account, its id, and the limits of its scope.
    struct LocatedAccount {
        var id: String
        var account: Account
        var limits: [LocatedLimit]
    }

    private static let accountKeys = [
        "provider", "credential_file", "credential_env", "base_url", "billing_day", "sync", "limits",
    ]

    /// The beginnings of providers' keys, which are taken for the key itself and not quoted.
    private static let keyPrefixes = ["sk-", "sk_", "ghp_", "gho_", "ghs_", "github_pat_"]

    /// The value of `accounts`.
    func accounts(_ entry: Entry) -> [LocatedAccount] {
        let expected = "a map of accounts such as { main: { provider: anthropic } }"
        let entries = entries(of: entry.value, at: entry.position, expected: expected)
        if entries.count > Account.maxCount {
            report(entry.position, "\(entries.count) accounts; there may be at most \(Account.maxCount)")
        }
        return entries.compactMap { entry in
            do throws(ScopeError) {
                try ScopeID.validate(entry.key, kind: "account")
            } catch {
                report(entry.position, error.description)
                return nil
            }
            return account(entry)
        }
    }

    private func account(_ entry: Entry) -> LocatedAccount? {
        let filters = Set(ProviderKind.allCases.flatMap(\.filters)).sorted()
        let entries = entries(
            of: entry.value, at: entry.position, expected: "a map such as { provider: anthropic }",
            allowed: Self.accountKeys + filters)
        guard entry.value.members != nil else { return nil }
        guard let named = entries.first(where: { $0.key == "provider" }) else {
            report(entry.position, "provider is missing")
            return nil
        }
        guard let provider = word(named.value, at: named.position, as: ProviderKind.self) else { return nil }
        var (account, limits): (Account, [LocatedLimit]) = (Account(provider: provider), [])
        for entry in entries {
            switch entry.key {
            case "limits": limits = accountLimits(entry)
            case _ where filters.contains(entry.key): account.filters[entry.key] = ids(entry, of: provider)
            default: readAccount(entry, into: &account)
            }
        }
        if account.credential == nil, !account.filters.isEmpty || account.baseURL != nil {
            report(entry.position, "credential_file or credential_env is missing, without which no usage is read")
        }
        checkSides(of: limits, account)
        return LocatedAccount(id: entry.key, account: account, limits: limits)
    }

    /// Reports limits that name figures which the provider does not report.
    private func checkSides(of limits: [LocatedLimit], _ account: Account) {
        for located in limits {
            guard let counts = located.limit.counts, counts != .own else { continue }
            if account.credential == nil {
                report(
                    located.position.at("source", line: located.position.line),
                    "\(counts.rawValue) needs credential_file or credential_env, without which no usage is read")
            } else if !account.provider.meters.contains(located.limit.meter) {
                let sentence =
                    "\(account.provider.rawValue) reports no \(located.limit.meter.name), so only own usage counts"
                warnings.append(problem(located.position, sentence))
            }
        }
    }

    private func readAccount(_ entry: Entry, into account: inout Account) {
        switch entry.key {
        case "credential_file", "credential_env":
            let isFile = entry.key == "credential_file"
            let expected = isFile ? "the name of a file" : "the name of a variable such as ANTHROPIC_ADMIN_KEY"
            guard let text = text(entry.value, at: entry.position, expected: expected) else { return }
            guard isFile || text.utf8.allSatisfy({ isNameByte($0) }) else {
                // What is not a name may be the credential itself, which is not quoted.
                return report(entry.position, "expected \(expected)")
            }
            guard !isFile || !Self.keyPrefixes.contains(where: text.hasPrefix) else {
                return report(entry.position, "expected \(expected), not the key itself")
            }
            guard account.credential == nil else {
                return report(entry.position, "expected credential_file or credential_env, not both")
            }
            account.credential = isFile ? .file(text) : .environment(text)
        case "base_url": account.baseURL = text(entry.value, at: entry.position, expected: "an address")
        case "billing_day":
            account.billingDay = wholeNumber(entry.value, at: entry.position, in: 1...31).map(Int.init) ?? 1
        case "sync": account.interval = interval(entry) ?? account.interval
        default: break
        }
    }

    private func isNameByte(_ byte: UInt8) -> Bool {
        (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5f
    }

    /// A time between readings such as `60s` or `15m`.
    private func interval(_ entry: Entry) -> Int? {
        let expected = "a time from 60s to 24h, such as 5m"
        guard let text = text(entry.value, at: entry.position, expected: expected) else { return nil }
        guard case .sliding(let seconds)? = try? Period(parsing: text), (60...86_400).contains(seconds) else {
            report(position(of: entry.value, at: entry.position), "expected \(expected)\(found(entry.value))")
            return nil
        }
        return Int(seconds)
    }

    private func ids(_ entry: Entry, of provider: ProviderKind) -> [String] {
        guard provider.filters.contains(entry.key) else {
            report(entry.position, "\(provider.rawValue) has none")
            return []
        }
        let expected = "a list of ids"
        return items(of: entry.value, at: entry.position, expected: expected).compactMap {
            text($0.value, at: $0.position, expected: "an id")
        }
    }

    private func accountLimits(_ entry: Entry) -> [LocatedLimit] {
        areOfAccount = true
        defer { areOfAccount = false }
        let limits = limits(entry.value, at: entry.position)
        if limits.count > Policy.maxLimitsPerScope {
            report(entry.position, "\(limits.count) limits; there may be at most \(Policy.maxLimitsPerScope)")
        }
        return limits
    }
}

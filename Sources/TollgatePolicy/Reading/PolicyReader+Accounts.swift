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

    /// Keys under which people write the credential itself.
    private static let credentialKeys: Set<String> = [
        "credential", "api_key", "admin_key", "key", "token", "secret", "password", "authorization",
    ]
    /// The beginnings of providers' keys, which are taken for the key itself and not quoted.
    private static let keyPrefixes = [
        "sk-", "sk_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "Bearer ",
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

    /// Reports limits that name figures which the provider does not report.
    private func checkSides(of limits: [LocatedLimit], _ account: Account) {
        for located in limits {
            guard let counts = located.limit.counts, counts != .own else { continue }
            guard account.credential == nil else { continue }
            report(
                located.position.at("source", line: located.position.line),
                "\(counts.rawValue) needs credential_file or credential_env, without which no usage is read")
        }
    }

    /// The value of an account; nil if it contains a credential, or what its origin may not set. Each is reported, and
    /// nothing of a credential is quoted.
    private func acceptable(_ entry: Entry, _ origin: Origin) -> DocumentNode? {
        let before = problems.count
        if origin == .admin, Self.isKey(entry.key) {
            report(entry.position, "the id looks like a credential: expected a name such as main")
        }
        for member in entry.value.members ?? [] {
            let name = member.key.text ?? ""
            let position = entry.position.at(
                Self.isKey(name) ? "…" : name, line: member.key.line ?? entry.position.line)
            if Self.credentialKeys.contains(name) || Self.isKey(name) || Self.containsKey(member.value) {
                report(
                    position,
                    "a credential itself is not accepted: expected its file in credential_file, or its variable in credential_env"
                )
            } else if name == "base_url", origin == .admin {
                report(position, "is accepted in the policy file only, because the credential is sent to this address")
            }
        }
        return problems.count == before ? entry.value : nil
    }

    /// Whether a text contains what looks like a provider's key: one of its beginnings, and characters of a key.
    private static func isKey(_ text: String) -> Bool {
        keyPrefixes.contains { prefix in
            text.ranges(of: prefix).contains { range in
                let rest = text[range.upperBound...].utf8.prefix { byte in
                    isNameByte(byte) || (0x61...0x7a).contains(byte) || byte == 0x2d
                }
                // Within a text, such as the name of a file, a word may begin alike.
                return rest.count >= (range.lowerBound == text.startIndex ? 6 : 20)
            }
        }
    }

    private static func containsKey(_ node: DocumentNode) -> Bool {
        switch node.content {
        case .scalar(let text, _): isKey(text)
        case .list(let items): items.contains(where: containsKey)
        case .map(let members): members.contains { containsKey($0.key) || containsKey($0.value) }
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

    /// What is not a name may be the credential itself, so it is not quoted.
    private func credential(_ entry: Entry, _ origin: Origin) -> Account.CredentialSource? {
        let isFile = entry.key == "credential_file"
        let ofFile = origin == .file ? "the name of a file" : "the absolute path of a file such as /etc/tollgate/key"
        let expected = isFile ? ofFile : "the name of a variable such as ANTHROPIC_ADMIN_KEY"
        guard let text = text(entry.value, at: entry.position, expected: expected) else { return nil }
        let isName =
            isFile
            ? text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
                && (origin == .file || text.hasPrefix("/"))
            : text.utf8.allSatisfy(Self.isNameByte)
        guard isName, (1...Account.maxSourceLength).contains(text.utf8.count) else {
            report(entry.position, "expected \(expected), at most \(Account.maxSourceLength) bytes")
            return nil
        }
        guard isFile || origin == .file || !text.hasPrefix("TOLLGATE_") else {
            report(entry.position, "expected another variable than those of Tollgate's own settings")
            return nil
        }
        return isFile ? .file(text) : .environment(text)
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

    private static func isNameByte(_ byte: UInt8) -> Bool {
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

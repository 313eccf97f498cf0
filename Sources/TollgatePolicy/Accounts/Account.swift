package import TollgateCore

/// An account at a provider, as the policy file or an administrator describes it. It is the scope `account:ID`.
package struct Account: Sendable, Equatable {
    /// The origin of a credential, which is never stored in Redis and never shown.
    package enum CredentialSource: Sendable, Equatable {
        /// A file, which is read again before each use.
        case file(String)
        /// A variable of the sidecar's environment.
        case environment(String)
    }

    package var provider: ProviderKind
    /// The origin of the key with which usage is read; nil if it is not read.
    package var credential: CredentialSource?
    /// The address of the provider's API; nil for its own.
    package var baseURL: String?
    /// The parts of the organization whose usage is read, by ``ProviderKind/filters``.
    package var filters: [String: [String]] = [:]
    /// The day on which the billing period begins, by UTC, 1 … 31.
    package var billingDay = 1
    /// The id that requests name with `provider=`: those that name it and no account count in this account. Nil for none.
    package var binding: String?
    /// The time between two readings of usage, in seconds, 60 or more.
    package var interval = 60
    /// The limits that an administrator has set with the account, in the order of `Limit.precedes`. Those of the policy
    /// file are among the limits of its scopes.
    package var limits: [Limit] = []

    /// Parses the time between two readings, from `60s` to `24h`, to seconds; nil for any other text.
    package static func interval(parsing text: String) -> Int? {
        guard case .sliding(let seconds)? = try? Period(parsing: text), (60...86_400).contains(seconds) else {
            return nil
        }
        return Int(seconds)
    }

    /// The maximum number of accounts. Each is read once a minute.
    package static let maxCount = 100
    /// The maximum length of the name of a credential's file or variable, in bytes.
    static let maxSourceLength = 1_024

    package init(provider: ProviderKind) {
        self.provider = provider
    }

    /// The scope of the account with an id, which must be valid.
    package static func scope(_ id: String) throws(ScopeError) -> Scope {
        try Scope(parts: [Scope.Part(kind: "account", id: id)])
    }

    /// What the provider's figures are about: the provider, the name of the credential, and the parts of the organization.
    /// Figures about anything else are not those of this account.
    package var subject: String {
        let source =
            switch credential {
            case .file(let path)?: ["credential_file=\(path)"]
            case .environment(let name)?: ["credential_env=\(name)"]
            case nil: [String]()
            }
        let parts = filters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.sorted().joined(separator: ","))" }
        return ([provider.rawValue] + source + parts).joined(separator: " ")
    }

    /// The calendar of the account: that of its provider, by UTC.
    package var calendar: CalendarRules {
        (try? CalendarRules(billingDay: billingDay)) ?? .utc
    }
}

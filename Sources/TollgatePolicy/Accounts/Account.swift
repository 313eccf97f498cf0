package import TollgateCore

/// An account at a provider, as the policy file describes it. It is the scope `account:ID`.
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
    /// The time between two readings of usage, in seconds, 60 or more.
    package var interval = 60

    /// The maximum number of accounts. Each is read once a minute.
    package static let maxCount = 100

    package init(provider: ProviderKind) {
        self.provider = provider
    }

    /// The calendar of the account: that of its provider, by UTC.
    package var calendar: CalendarRules {
        (try? CalendarRules(billingDay: billingDay)) ?? .utc
    }
}

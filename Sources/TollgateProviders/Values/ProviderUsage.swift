package import TollgateCore

/// The usage of an account, as its provider reports it.
package struct ProviderUsage: Equatable, Sendable {
    /// The figures of days. A day that the provider has not reported is missing, which is not zero.
    package var days: [UTCDay: ProviderFigures]
    /// The figures of the hours of today, by their first second in Unix time. Their costs are nil.
    package var hours: [Int64: ProviderFigures]
    /// The quotas, sorted by name. Anthropic and OpenAI report none.
    package var quotas: [ProviderQuota]
    /// The first day that the provider was able to report; nil if it is the first that was asked for.
    package var firstDay: UTCDay?

    package init(
        days: [UTCDay: ProviderFigures] = [:], hours: [Int64: ProviderFigures] = [:], quotas: [ProviderQuota] = []
    ) {
        self.days = days
        self.hours = hours
        self.quotas = quotas
    }
}

/// A quota of an account at its provider.
package struct ProviderQuota: Equatable, Sendable {
    /// What the numbers of a quota count.
    package enum Unit: Equatable, Sendable {
        case requests
        /// 10⁻⁹ US dollars.
        case nanoDollars
    }

    /// The name, such as `core` at GitHub.
    package var name: String
    package var unit: Unit
    /// The limit; nil if the provider sets none.
    package var limit: Int64?
    package var used: Int64
    /// The rest of the limit; nil if there is none.
    package var remaining: Int64?
    /// The time at which the usage becomes zero, Unix seconds; nil if it never does.
    package var resetsAt: Int64?

    /// The maximum number of quotas of an account.
    static let maxCount = 64
    /// The maximum length of a name in bytes.
    static let maxNameLength = 64

    package init(
        name: String, unit: Unit, limit: Int64?, used: Int64, remaining: Int64?, resetsAt: Int64?
    ) {
        self.name = name
        self.unit = unit
        self.limit = limit
        self.used = used
        self.remaining = remaining
        self.resetsAt = resetsAt
    }
}

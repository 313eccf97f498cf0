package import TollgateCore
package import TollgateLedger
package import TollgatePolicy
package import TollgateStores

/// An account at a provider: its settings, the state of its reading, and both sides of its usage in the billing period.
/// It contains no credential.
package struct AccountView: Encodable, Sendable {
    /// The state of the provider's figures.
    package enum Status: String, Encodable, Sendable {
        /// The account has no credential, so it is not read.
        case off
        /// The account has not been read yet. No figures are not figures of 0.
        case never
        /// The figures are not older than three intervals.
        case fresh
        /// The figures are older, and no failure says why.
        case stale
        /// The last attempt failed.
        case failing
    }

    package var id: String
    /// The scope `account:ID`.
    package var scope: Scope
    package var account: Account
    package var stored: StoredAccount
    /// The billing period, from its first instant to its end, Unix ms.
    package var period: CalendarWindow
    /// Our own amounts in the period; nil if the kind `account` has no history.
    package var own: HistoryAmounts?
    package var moneyUnit: MoneyUnit
    package var limits: [Limit]
    /// The usage against each limit in force, also those of administrators.
    package var usage: [ScopeUsage.Item]
    /// Unix ms by Redis's clock.
    package var now: Int64
    /// Whether the view contains the days and hours.
    package var isWhole = false

    private enum CodingKeys: String, CodingKey {
        case id, provider, status, failure, limits, period, own, days, hours, quotas, sidecar
        case billingDay = "billing_day"
        case syncSeconds = "sync_seconds"
        case failingSince = "failing_since"
        case lastAttempt = "last_attempt_at"
        case lastSuccess = "last_success_at"
        case nextAttempt = "next_attempt_at"
        case isRequested = "sync_requested"
        case reported
    }

    package var status: Status {
        let state = stored.state
        if account.credential == nil { return .off }
        if state.failure != nil { return .failing }
        guard let last = state.lastSuccess else { return .never }
        return now - last <= Int64(account.interval) * 3_000 ? .fresh : .stale
    }

    package func encode(to encoder: any Encoder) throws {
        let state = stored.state
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(account.provider.rawValue, forKey: .provider)
        try container.encode(account.billingDay, forKey: .billingDay)
        try container.encode(account.interval, forKey: .syncSeconds)
        try container.encode(LimitsJSON(limits), forKey: .limits)
        try container.encode(status, forKey: .status)
        try container.encode(state.failure?.sentence, forKey: .failure)
        try container.encode(state.failure.map { UTCTime.text(milliseconds: $0.since) }, forKey: .failingSince)
        try container.encode(state.lastAttempt.map(UTCTime.text(milliseconds:)), forKey: .lastAttempt)
        try container.encode(state.lastSuccess.map(UTCTime.text(milliseconds:)), forKey: .lastSuccess)
        try container.encode(state.nextAttempt.map(UTCTime.text(milliseconds:)), forKey: .nextAttempt)
        try container.encode(state.isRequested, forKey: .isRequested)
        try container.encode(state.sidecar, forKey: .sidecar)
        try container.encode(PeriodView(period), forKey: .period)
        try container.encode(own.map { OwnView(amounts: $0, unit: moneyUnit) }, forKey: .own)
        try container.encode(reported.map { FiguresView(figures: $0) }, forKey: .reported)
        try container.encode(quotas, forKey: .quotas)
        guard isWhole else { return }
        try container.encode(stored.days.mapValues(FiguresView.init), forKey: .days)
        try container.encode(stored.hours.mapValues(FiguresView.init), forKey: .hours)
    }

    /// The provider's figures in the period; nil if it has reported none.
    package var reported: AccountFigures? {
        stored.figures(in: period)
    }

    /// The quotas that the provider reports.
    package var quotas: [QuotaView] {
        (stored.state.quotas ?? "").split(separator: ";").compactMap { QuotaView(String($0)) }
    }
}

/// A calendar period.
private struct PeriodView: Encodable {
    var from: String
    var to: String

    init(_ window: CalendarWindow) {
        from = UTCTime.wholeSeconds(milliseconds: window.startsAt)
        to = UTCTime.wholeSeconds(milliseconds: window.endsAt)
    }
}

/// Our own amounts.
private struct OwnView: Encodable {
    var requests: Int64
    var tokens: Int64
    var cost: String

    init(amounts: HistoryAmounts, unit: MoneyUnit) {
        requests = Int64(clamping: amounts[.requests])
        tokens = Int64(clamping: amounts[.tokens])
        cost = amounts.text(of: .cost, in: unit)
    }
}

/// The figures of a provider. A figure that it does not say is null.
private struct FiguresView: Encodable {
    var figures: AccountFigures

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: JSONKey.self)
        for item in AccountFigures.Item.allCases {
            try container.encode(figures.counts[item], forKey: JSONKey(item.rawValue))
        }
        try container.encode(figures.tokens, forKey: JSONKey("tokens"))
        try container.encode(figures.cost?.description, forKey: JSONKey("cost_usd"))
    }
}

/// A quota that a provider reports.
package struct QuotaView: Encodable {
    package var name: String
    package var unit: String
    package var limit: String?
    package var used: String?
    package var remaining: String?
    package var resetsAt: String?

    private enum CodingKeys: String, CodingKey {
        case name, unit, limit, used, remaining
        case resetsAt = "resets_at"
    }

    /// Reads the text of the store: `core requests 5000 12 4988 1796090000`.
    init?(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 6 else { return nil }
        let isMoney = words[1] == "nano_dollars"
        func amount(_ word: String) -> String? {
            Int64(word).map { isMoney ? Money(nanos: Int128($0)).description : "\($0)" }
        }
        name = words[0]
        unit = isMoney ? "usd" : "requests"
        limit = amount(words[2])
        used = amount(words[3])
        remaining = amount(words[4])
        resetsAt = Int64(words[5]).map { UTCTime.wholeSeconds(milliseconds: $0 * 1_000) }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(unit, forKey: .unit)
        try container.encode(limit, forKey: .limit)
        try container.encode(used, forKey: .used)
        try container.encode(remaining, forKey: .remaining)
        try container.encode(resetsAt, forKey: .resetsAt)
    }
}

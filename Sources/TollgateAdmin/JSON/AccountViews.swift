package import TollgateCore
package import TollgateLedger
package import TollgatePolicy
package import TollgateStores

/// An account with its id and its version, which is nil for one of the policy file.
package struct AccountEntry: Encodable, Sendable {
    var id: String
    var account: Account
    var version: Int64?

    var origin: Origin { version == nil ? .file : .admin }

    package init(id: String, account: Account, version: Int64? = nil) {
        self.id = id
        self.account = account
        self.version = version
    }

    /// Encodes the settings with the origin and the version, as `GET /v1/policy` shows them.
    package func encode(to encoder: any Encoder) throws {
        try account.encode(to: encoder)
        var container = encoder.container(keyedBy: JSONKey.self)
        try container.encode(origin, forKey: JSONKey("origin"))
        try container.encode(version, forKey: JSONKey("version"))
    }
}

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
        /// What is stored about the account could not be read, for instance because it is malformed.
        case unreadable
    }

    package var entry: AccountEntry
    /// The scope `account:ID`.
    package var scope: Scope
    /// What is stored of the reading, or why it or the usage could not be read.
    var result: Result<StoredAccount, StoreError>
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
    /// Whether the view contains the settings as a body of PUT, the days and the hours.
    package var isWhole = false

    package var id: String { entry.id }
    package var account: Account { entry.account }
    /// What is stored of the reading; nothing if it could not be read.
    package var stored: StoredAccount { (try? result.get()) ?? StoredAccount() }

    /// Why the account could not be read; nil if it was.
    package var fault: StoreError? { if case .failure(let error) = result { error } else { nil } }

    private enum CodingKeys: String, CodingKey {
        case id, provider, bind, status, failure, limits, usage, period, own, days, hours, quotas, sidecar, origin,
            version,
            settings
        case billingDay = "billing_day"
        case syncSeconds = "sync_seconds"
        case failingSince = "failing_since"
        case lastAttempt = "last_attempt_at"
        case lastSuccess = "last_success_at"
        case nextAttempt = "next_attempt_at"
        case isRequested = "sync_requested"
        case isExhausted = "exhausted"
        case reported
    }

    /// Whether requests that name the account are denied until a period ends, or for ever.
    package var isExhausted: Bool {
        usage.contains { item in
            let limit = item.limit.limit
            return limit.mode == .enforce && (limit.period.calendarUnit != nil || limit.period == .total)
                && limit.max.map { item.used >= $0 } ?? false
        }
    }

    package var status: Status {
        let state = stored.state
        if fault != nil { return .unreadable }
        if account.credential == nil { return .off }
        if state.failure != nil { return .failing }
        guard let last = state.lastSuccess else { return .never }
        return now - last <= Int64(account.interval) * 3_000 ? .fresh : .stale
    }

    package func encode(to encoder: any Encoder) throws {
        var state = stored.state
        // What is stored is of the time when the account had a credential.
        if status == .off { (state.failure, state.nextAttempt) = (nil, nil) }
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(entry.id, forKey: .id)
        try container.encode(entry.origin, forKey: .origin)
        try container.encode(entry.version, forKey: .version)
        try container.encode(account.provider.rawValue, forKey: .provider)
        try container.encode(account.binding, forKey: .bind)
        try container.encode(account.billingDay, forKey: .billingDay)
        try container.encode(account.interval, forKey: .syncSeconds)
        try container.encode(LimitsJSON(limits), forKey: .limits)
        try container.encode(usage.map(UsageItemView.init), forKey: .usage)
        try container.encode(isExhausted, forKey: .isExhausted)
        try container.encode(status, forKey: .status)
        try container.encode(fault?.description ?? state.failure?.sentence, forKey: .failure)
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
        try container.encode(account, forKey: .settings)
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

package import TollgateCore
package import TollgatePolicy

/// What is stored of an account.
package struct StoredAccount: Sendable, Equatable {
    package var state: AccountSyncState
    /// The figures of days, by their dates in UTC such as `2026-11-30`.
    package var days: [String: AccountFigures]
    /// The figures of the hours of today, by their starts such as `2026-11-30T13`.
    package var hours: [String: AccountFigures]

    /// The days with figures that were not about the account as it is now. They are removed when it has been read.
    package private(set) var outdatedDays: [String] = []

    package init(
        state: AccountSyncState = AccountSyncState(), days: [String: AccountFigures] = [:],
        hours: [String: AccountFigures] = [:]
    ) {
        self.state = state
        self.days = days
        self.hours = hours
    }

    /// The stored data without figures about anything else, such as another provider before a change of the account. Like
    /// an account that was never read, except that attempts keep their pause.
    package func figures(of account: Account) -> StoredAccount {
        guard let subject = state.subject, subject != account.subject else { return self }
        var new = StoredAccount()
        new.state.lastAttempt = state.lastAttempt
        new.state.isRequested = state.isRequested
        // Until there are figures about the new subject, those in Redis are about the old one.
        new.state.subject = subject
        new.outdatedDays = Array(days.keys)
        return new
    }
}

/// The state of reading an account's figures from its provider. Times are Unix ms by Redis's clock.
package struct AccountSyncState: Sendable, Equatable {
    /// The time of the last attempt; nil before the first one.
    package var lastAttempt: Int64?
    /// The time of the last success; nil before the first one.
    package var lastSuccess: Int64?
    /// The time of the next attempt.
    package var nextAttempt: Int64?
    /// The beginning of the failures, and the last of them as a sentence; nil after a success.
    package var failure: (since: Int64, sentence: String)?
    /// The number of attempts that failed in a row.
    package var failures = 0
    /// The name of the sidecar that made the last attempt.
    package var sidecar: String?
    /// Whether an administrator has requested an attempt since the last one.
    package var isRequested = false
    /// The quotas that the provider reports: `core requests 5000 12 4988 1796090000; …`.
    package var quotas: String?
    /// The ``Account/subject`` of the figures; nil for those of an earlier version, and without figures.
    package var subject: String?
    /// The first of the days that have been read without a gap; nil before the first success.
    package var coveredSince: UTCDay?

    package init() {}

    /// Decodes the fields of the hash. Unknown ones are ignored.
    init(_ pairs: [(String, String)]) {
        let fields = Dictionary(pairs) { first, _ in first }
        lastAttempt = fields["last_attempt"].flatMap { Int64($0) }
        lastSuccess = fields["last_success"].flatMap { Int64($0) }
        nextAttempt = fields["next_attempt"].flatMap { Int64($0) }
        failures = fields["failures"].flatMap { Int($0) } ?? 0
        if let since = fields["failing_since"].flatMap({ Int64($0) }), let sentence = fields["failure"] {
            failure = (since, sentence)
        }
        sidecar = fields["sidecar"]
        isRequested = fields["requested"] == "1"
        quotas = fields["quotas"]
        subject = fields["subject"]
        coveredSince = fields["covered_since"].flatMap { UTCDay(parsing: $0) }
    }

    /// The fields of the hash: field, value, field, value and so on.
    var fields: [String] {
        let fields: [(String, String?)] = [
            ("last_attempt", lastAttempt.map { "\($0)" }), ("last_success", lastSuccess.map { "\($0)" }),
            ("next_attempt", nextAttempt.map { "\($0)" }), ("failures", "\(failures)"),
            ("failing_since", failure.map { "\($0.since)" }), ("failure", failure?.sentence), ("sidecar", sidecar),
            ("quotas", quotas), ("subject", subject), ("covered_since", coveredSince.map { "\($0)" }),
        ]
        return fields.flatMap { name, value in value.map { [name, $0] } ?? [] }
    }

    /// The fields without a value, which are removed. A request of a reading is made and removed by itself.
    var missingFields: [String] {
        [
            ("last_attempt", lastAttempt == nil), ("last_success", lastSuccess == nil),
            ("next_attempt", nextAttempt == nil), ("failing_since", failure == nil), ("failure", failure == nil),
            ("sidecar", sidecar == nil), ("quotas", quotas == nil), ("subject", subject == nil),
            ("covered_since", coveredSince == nil),
        ].filter(\.1).map(\.0)
    }

    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.fields == rhs.fields && lhs.isRequested == rhs.isRequested
    }
}

/// The figures of a day or an hour of an account, as its provider reports them. A figure is nil if the provider does not
/// say it, which is not zero.
package struct AccountFigures: Sendable, Equatable {
    /// The items by their names in Redis and in the API.
    package enum Item: String, CaseIterable, Sendable {
        case requests
        case inputTokens = "input_tokens"
        case cacheReadTokens = "cache_read_tokens"
        case cacheWriteTokens = "cache_write_tokens"
        case outputTokens = "output_tokens"
    }

    /// The maximum of a figure, and of a cost in dollars.
    static let maxAmount: Int64 = 1_000_000_000_000_000

    package var counts: [Item: Int64] = [:]
    /// The cost in US dollars.
    package var cost: Money?

    package init(counts: [Item: Int64] = [:], cost: Money? = nil) {
        self.counts = counts
        self.cost = cost
    }

    /// The sum of all tokens; nil if none are known.
    package var tokens: Int64? {
        let tokens = counts.filter { $0.key != .requests }.values
        return tokens.isEmpty ? nil : tokens.reduce(0, +)
    }

    /// The text in Redis: `requests=12 input_tokens=1000 cost=0.35`.
    var text: String {
        let words = Item.allCases.compactMap { item in counts[item].map { "\(item.rawValue)=\($0)" } }
        return (words + (cost.map { ["cost=\($0)"] } ?? [])).joined(separator: " ")
    }

    /// Parses the text in Redis; nil for any other text.
    init?(_ text: String) {
        for word in text.split(separator: " ") {
            let parts = word.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            if parts[0] == "cost" {
                guard let money = try? Money(parsing: parts[1]),
                    money.nanos.magnitude <= UInt128(Self.maxAmount) * 1_000_000_000
                else { return nil }
                cost = money
            } else {
                guard let item = Item(rawValue: String(parts[0])), let count = Int64(parts[1]),
                    (0...Self.maxAmount).contains(count)
                else {
                    return nil
                }
                counts[item] = count
            }
        }
    }

    /// Adds figures. A figure that one of both does not have is that of the other.
    package static func + (lhs: Self, rhs: Self) -> Self {
        let costs = [lhs.cost, rhs.cost].compactMap { $0?.nanos }
        return AccountFigures(
            // Each is at most 10¹⁵, and there are at most 400.
            counts: lhs.counts.merging(rhs.counts, uniquingKeysWith: +),
            cost: costs.isEmpty ? nil : Money(nanos: costs.reduce(0, +)))
    }
}

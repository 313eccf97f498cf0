package import TollgateCore
package import TollgatePolicy

/// The drift of an account on a closed UTC day: our tokens and cost against those that its provider reports. Pure.
///
/// A missing figure is nil, which is not zero, and nothing is compared with it.
package struct AccountDrift: Sendable, Equatable {
    /// The result of a day in a word.
    package enum Status: String, CaseIterable, Sendable {
        /// Both sides have the tokens, or the cost, of the day.
        case compared
        /// The provider has not been read since its figures of the day may be taken as complete.
        case incomplete
        /// The provider has not been asked about the day.
        case notRead = "not_read"
        /// What is stored of the account, or its history, is malformed.
        case unreadable
        /// The provider reports quotas alone, and no usage by day.
        case notReported = "not_reported"
        /// The provider reports no figures of the day.
        case noFigures = "no_figures"
        /// We have no history of the day: the kind `account` has none, the day is not retained any more, or it is before
        /// the first usage that was recorded.
        case noHistory = "no_history"
        /// The provider reports a cost in US dollars alone, and the policy counts another currency.
        case otherCurrency = "other_currency"
    }

    /// An amount of both sides.
    package struct Sides<Amount: Sendable & Equatable>: Sendable, Equatable {
        package var ours: Amount?
        package var theirs: Amount?
    }

    /// The time after the end of a day from which its figures may be taken as complete, in ms: 6 hours.
    package static let settling: Int64 = 6 * 3_600_000

    package let day: UTCDay
    package let status: Status
    /// All tokens: input, output, and those read from and written to a cache.
    package let tokens: Sides<Int64>
    /// Our cost in the policy's currency, and theirs in US dollars.
    package let cost: Sides<Money>
    /// The drift of the tokens; nil if they are not compared.
    package let tokenDrift: Drift?
    /// The drift of the cost; nil if it is not compared.
    package let costDrift: Drift?
    /// Whether the first usage of the account was recorded on this day, so that the beginning of the day may be missing.
    package let isFirst: Bool

    /// Compares both sides of a day.
    ///
    /// - Parameters:
    ///   - ours: Our amounts of the day; nil if we have no history of it.
    ///   - isFirst: Whether the first usage of the account was recorded on the day.
    ///   - stored: The provider's figures, and the state of their reading.
    ///   - policy: The policy that has the account.
    package init(
        day: UTCDay, ours: HistoryAmounts?, isFirst: Bool = false, stored: StoredAccount, of account: Account,
        in policy: Policy
    ) {
        let figures = stored.days["\(day)"]
        // A credit would be a cost below 0, of which there is no share.
        let theirCost = figures?.cost.flatMap { $0.nanos < 0 ? nil : $0 }
        self.day = day
        self.isFirst = isFirst
        tokens = Sides(ours: ours?[.tokens], theirs: figures?.tokens)
        cost = Sides(ours: ours.map { Money($0[.cost], in: policy.moneyUnit) }, theirs: theirCost)
        let tokenDrift = Self.drift(tokens) { Int128($0) }
        let costDrift = policy.currency == ProviderKind.currency ? Self.drift(cost) { $0.nanos } : nil
        if !account.provider.reportsUsage {
            status = .notReported
        } else if figures == nil, stored.state.coveredSince.map({ day < $0 }) ?? true {
            status = .notRead
        } else if !Self.isComplete(day, stored.state) {
            status = .incomplete
        } else if tokens.theirs == nil, cost.theirs == nil {
            status = .noFigures
        } else if ours == nil {
            status = .noHistory
        } else if tokenDrift == nil, costDrift == nil {
            status = .otherCurrency
        } else {
            status = .compared
        }
        self.tokenDrift = status == .compared ? tokenDrift : nil
        self.costDrift = status == .compared ? costDrift : nil
    }

    /// The comparison of a day of an account about which something malformed is stored.
    package init(unreadable day: UTCDay) {
        self.day = day
        status = .unreadable
        (tokens, cost, tokenDrift, costDrift, isFirst) = (Sides(), Sides(), nil, nil, false)
    }

    /// The meter that drifts by more than a percentage, `tokens` or `cost`; nil if none does. If both do, the one that
    /// drifts more.
    package func meter(past percent: Int) -> Meter? {
        let tokens = tokenDrift.flatMap { $0.isPast(percent) ? $0 : nil }
        let cost = costDrift.flatMap { $0.isPast(percent) ? $0 : nil }
        guard let tokens else { return cost == nil ? nil : .cost }
        return cost?.isLarger(than: tokens) == true ? .cost : .tokens
    }

    /// Each reading covers the days since the last success, and the last three.
    private static func isComplete(_ day: UTCDay, _ state: AccountSyncState) -> Bool {
        let end = (day.start + UTCDay.seconds) * 1_000
        return state.lastSuccess.map { $0 >= end + settling } ?? false
    }

    private static func drift<Amount>(_ sides: Sides<Amount>, _ number: (Amount) -> Int128) -> Drift? {
        guard let ours = sides.ours, let theirs = sides.theirs else { return nil }
        return Drift(ours: number(ours), theirs: number(theirs))
    }
}

extension ProviderKind {
    /// Whether the provider reports usage by day, and not quotas alone.
    fileprivate var reportsUsage: Bool { self != .github }
}

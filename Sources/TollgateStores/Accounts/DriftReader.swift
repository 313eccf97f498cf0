package import TollgateCore
package import TollgatePolicy

/// Reads our side of accounts' days, and compares it with the figures of their providers.
///
/// It is not on the decision path, and can be used from any task.
package struct DriftReader: Sendable {
    /// The number of days that are read at a time.
    private static let portion: Int64 = 31
    /// The meters by which a day has usage.
    private static let meters: [HistoryMeter] = [.requests, .calls, .tokens, .cost]

    private let history: HistoryStore

    package init(history: HistoryStore) {
        self.history = history
    }

    /// Returns the drift of an account on days, in ascending order.
    ///
    /// - Parameters:
    ///   - days: Closed days, not too many.
    ///   - stored: The provider's figures.
    ///   - policy: The policy that has the account.
    ///   - now: Unix ms.
    package func drift(
        of id: String, _ account: Account, _ stored: StoredAccount, on days: ClosedRange<UTCDay>, in policy: Policy,
        at now: Int64
    ) async throws(StoreError) -> [AccountDrift] {
        let own = try await ownDays(of: id, account, days, policy, at: now)
        return (days.lowerBound.number...days.upperBound.number).map { number in
            let day = UTCDay(number: number)
            return AccountDrift(
                day: day, ours: own.amounts[day], isFirst: own.first == day, stored: stored, of: account, in: policy)
        }
    }

    /// Our amounts by day.
    private struct OwnDays {
        /// The amounts from the first day with usage on. Those of earlier days are not known, which is not zero.
        var amounts: [UTCDay: HistoryAmounts] = [:]
        /// The day of the first usage; nil if it is before the days that were read, or not known.
        var first: UTCDay?
    }

    /// Reads days from the last one back to a day with usage before all of them, or to the first retained day.
    private func ownDays(
        of id: String, _ account: Account, _ days: ClosedRange<UTCDay>, _ policy: Policy, at now: Int64
    ) async throws(StoreError) -> OwnDays {
        guard let scope = try? Account.scope(id), policy.hasHistory(scope),
            let retained = UTCDay(parsing: policy.oldestRetained(.day, in: account.calendar, at: now))
        else { return OwnDays() }
        var own = OwnDays()
        var end = days.upperBound
        while end >= retained {
            let start = max(end.advanced(by: 1 - Self.portion), retained)
            let portion = (start.number...end.number).map { UTCDay(number: $0) }
            let records = try await history.days(of: scope, ids: portion.map { "\($0)" }, .amounts(Self.meters))
            for (day, record) in zip(portion, records) { own.amounts[day] = record.total }
            guard start > retained, !own.amounts.contains(where: { $0.key < days.lowerBound && !$0.value.isZero })
            else { break }
            end = start.advanced(by: -1)
        }
        let first = own.amounts.filter { !$0.value.isZero }.keys.min()
        own.amounts = own.amounts.filter { entry in first.map { entry.key >= $0 } ?? false }
        // Usage on the first retained day says nothing about the days before it.
        own.first = first == retained ? nil : first
        return own
    }
}

import TollgateCore
import TollgatePolicy
import TollgateProviders
import TollgateStores

extension AccountReaders {
    /// A reading that is due.
    struct Reading: Sendable {
        var id: String
        var account: Account
        /// What was stored before it.
        var stored: StoredAccount
        /// The unit of amounts of `cost`; nil if the policy's currency is not that of providers.
        var costUnit: MoneyUnit?
        /// Unix ms.
        var now: Int64
    }
}

extension AccountReaders.Reading {
    /// The number of closed days that are always read again: late figures change them.
    private static let reread: Int64 = 3
    /// The maximum number of days to read, also after a pause of years.
    private static let maxDays: Int64 = 360

    /// The days to read: the last three and today; from the beginning of the billing period and of the week while those have
    /// not been read; and from the last success after a longer pause.
    var days: Range<UTCDay> {
        let today = UTCDay(containing: now / 1_000)
        let windows = [CalendarUnit.month, .week].map { account.calendar.window($0, containing: now) }
        let period = windows.map { UTCDay(containing: $0.startsAt / 1_000) }.min() ?? today
        let last = stored.state.lastSuccess.map { UTCDay(containing: $0 / 1_000) }
        let isCovered = stored.state.coveredSince.map { $0 <= period } ?? false
        let recent = (isCovered ? last.map { min($0, today) } ?? period : period).advanced(by: -Self.reread)
        let first = min(recent, today.advanced(by: -Self.reread))
        return max(first, today.advanced(by: -Self.maxDays))..<today.advanced(by: 1)
    }

    /// The first of the days that have been read without a gap after this reading.
    ///
    /// - Parameter firstDay: The first day that the provider has reported; nil for the first that was asked for.
    func coveredSince(_ firstDay: UTCDay?) -> UTCDay {
        let first = firstDay ?? days.lowerBound
        guard let since = stored.state.coveredSince, let last = stored.state.lastSuccess,
            first <= UTCDay(containing: last / 1_000).advanced(by: 1)
        else { return first }
        return min(since, first)
    }
}

extension AccountReadings.State {
    init(_ state: SyncSchedule.State) {
        switch state {
        case .fresh: self = .fresh
        case .stale: self = .stale
        case .failing: self = .failing
        }
    }
}

extension SyncSchedule {
    /// Continues the schedule of an account that another sidecar may have read.
    init(_ state: AccountSyncState, of account: Account, now: Int64) {
        self.init(
            settings: Settings(interval: .seconds(account.interval)), lastSuccess: state.lastSuccess,
            nextAttempt: state.nextAttempt, failures: state.failures, now: now)
    }
}

import TollgateCore
import TollgatePolicy
import TollgateStores

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

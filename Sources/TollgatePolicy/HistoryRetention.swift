/// How long the days and the months of a scope are kept after their ends, in milliseconds.
package struct HistoryRetention: Sendable, Hashable {
    /// Of a day.
    package let day: Int64
    /// Of a month.
    package let month: Int64

    /// A month counts as 31 days.
    package init(days: Int, months: Int) {
        day = Int64(days) * 86_400_000
        month = Int64(months) * 31 * 86_400_000
    }
}

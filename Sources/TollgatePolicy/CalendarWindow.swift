/// One day, week or month of a calendar: half-open, in Unix milliseconds.
package struct CalendarWindow: Sendable, Hashable {
    /// `2026-11-20`, `2026-W47` or `2026-11`. Later windows of the same unit have ids that sort after.
    package let id: String
    /// The first instant of the window.
    package let startsAt: Int64
    /// The first instant after the window, and the start of the next one.
    package let endsAt: Int64

    /// Takes the bounds as they are.
    package init(id: String, startsAt: Int64, endsAt: Int64) {
        self.id = id
        self.startsAt = startsAt
        self.endsAt = endsAt
    }
}

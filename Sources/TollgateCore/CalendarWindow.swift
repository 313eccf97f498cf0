/// One day, week or month of a calendar: half-open, in Unix milliseconds.
public struct CalendarWindow: Sendable, Hashable {
    /// `2026-11-20`, `2026-W47` or `2026-11`. Later windows of the same unit have ids that sort after.
    public let id: String
    /// The first instant of the window.
    public let startsAt: Int64
    /// The first instant after the window, and the start of the next one.
    public let endsAt: Int64

    /// Takes the bounds as they are.
    public init(id: String, startsAt: Int64, endsAt: Int64) {
        self.id = id
        self.startsAt = startsAt
        self.endsAt = endsAt
    }
}

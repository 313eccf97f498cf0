/// The units in which calendar limits and history count.
public enum CalendarUnit: String, Sendable, CaseIterable {
    case day
    case week
    case month
}

import TollgateCore
import TollgateStores

/// The event of a test message. It belongs to no stored alert, and its scope is in no request.
enum TestEvent {
    /// The time after which Alertmanager ends the test, ms.
    private static let duration: Int64 = 5 * 60_000

    /// Creates an event that opens an alert of severity `warning`, at a time in Unix ms.
    static func make(at milliseconds: Int64) throws(ScopeError) -> AlertEntry {
        let alert = Alert(
            scope: try Scope(parsing: "user:tollgate-test"), meter: .requests, period: .day, threshold: 80, max: 100,
            used: 80, source: "test", periodID: String(UTCTime.wholeSeconds(milliseconds: milliseconds).prefix(10)),
            endsAt: milliseconds + duration, openedAt: milliseconds)
        return AlertEntry(id: "test-\(alert.id)", event: .opened, alert: alert)
    }
}

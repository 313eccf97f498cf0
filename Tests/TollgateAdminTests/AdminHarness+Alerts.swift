import Testing
import TollgateCore
import TollgateLedger
import TollgateServer
import TollgateStores

extension AdminHarness {
    /// The time 2026-11-20T18:20:01.123Z.
    static let alertTime: Int64 = 1_795_198_801_123

    /// Where the sidecar keeps alerts and events.
    var alerts: AlertStore { server.stores.alerts }

    /// Publishes three alerts, the newest last, and two denial events.
    @discardableResult
    func raiseAlerts() async throws -> [Alert] {
        let alerts = [
            Alert(
                scope: try Scope(parsing: "user:alice"), meter: .cost, period: .day, threshold: 80, max: 20_000_000_000,
                used: 17_240_000_000, source: "tier:premium", periodID: "2026-11-20", endsAt: 4_102_444_800_000,
                openedAt: Self.alertTime),
            Alert(
                scope: try Scope(parsing: "user:alice"), meter: .cost, period: .day, threshold: 100,
                max: 20_000_000_000, used: 20_240_000_000, source: "tier:premium", periodID: "2026-11-20",
                endsAt: 4_102_444_800_000, openedAt: Self.alertTime + 1_000),
            Alert(
                scope: try Scope(parsing: "user:b/c+tool:d"), meter: .tokens, period: .total, threshold: 95, max: 1_000,
                used: 951, mode: .shadow, source: "scope", periodID: nil, endsAt: nil, openedAt: Self.alertTime + 2_000),
        ]
        let store = self.alerts
        for alert in alerts { try await store.publish(.opened(alert)) }
        for (scope, period) in [("user:b/c", Period.sliding(seconds: 60)), ("user:alice", .day)] {
            try await store.denials.add(
                DenialEvent(
                    at: Self.alertTime, scope: try Scope(parsing: scope), meter: .requests, period: period, max: 60,
                    used: 60, mode: scope == "user:b/c" ? .shadow : .enforce, source: "tier:basic",
                    request: [try Scope(parsing: scope), try Scope(parsing: "tool:search")]))
        }
        return alerts
    }
}

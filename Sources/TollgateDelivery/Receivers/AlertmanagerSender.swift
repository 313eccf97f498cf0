import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

/// Opens and resolves alerts in Prometheus Alertmanager by its API v2. One is told apart by its labels, which are the same when it
/// is opened and when it is resolved.
///
/// Alertmanager takes an alert that is not repeated to be over at its `endsAt`, and forgets alerts when it restarts without its data.
/// So `endsAt` is the end of the calendar period. What is used of a sliding limit may go on to be used when its window has passed, and a
/// `total` limit has no end: their alerts are over after 30 days there unless they are resolved before.
struct AlertmanagerSender: AlertSender {
    let address: WebAddress
    let sender: WebSender
    let namespace: String
    let currency: @Sendable () -> String

    /// Of an alert that ends only when it is resolved, ms.
    private static let longest: Int64 = 30 * 86_400_000

    /// How far the end of an alert is dated back, ms. Where Alertmanager's clock is behind Redis's, an end that has not come there yet
    /// would count as one that is only expected, and the later one that it had been told before would hold.
    private static let backdating: Int64 = 5 * 60_000

    private struct Message: Encodable {
        var labels: [String: String]
        var annotations: [String: String]
        var startsAt: String
        var endsAt: String
    }

    /// Alertmanager knows nothing of them.
    func takes(_ event: Alert.Event) -> Bool { event != .acknowledged }

    /// The next alert of the same limit and threshold has the same labels. The end of the one before it, told late, would end it there.
    func order(of entry: AlertEntry) -> String {
        let alert = entry.alert
        return "\(alert.scope) \(alert.limitName) \(alert.threshold) \(alert.max)"
    }

    func deliver(_ entry: AlertEntry) async -> DeliveryOutcome {
        guard let body = try? CanonicalJSON.text([message(entry)]) else { return .unwritable }
        let base = address.text.hasSuffix("/") ? String(address.text.dropLast()) : address.text
        return await sender.post(body, to: base + "/api/v2/alerts", headers: [("Tollgate-Delivery", entry.id)])
    }

    private func message(_ entry: AlertEntry) -> Message {
        let alert = entry.alert
        let sentence = AlertSentence(entry, currency: currency())
        let periodEnd = alert.periodID == nil ? nil : alert.endsAt
        // It refuses an alert that ends before it starts.
        let resolvedAt = alert.resolved.map { $0.at - Self.backdating }
        let end = max(resolvedAt ?? periodEnd ?? alert.openedAt + Self.longest, alert.openedAt)
        return Message(
            labels: labels(alert),
            annotations: [
                "summary": PlainText.oneLine(sentence.used), "description": PlainText.oneLine(sentence.text),
                "used": alert.meter.text(alert.used), "max": alert.meter.text(alert.max), "id": alert.id,
            ],
            startsAt: UTCTime.text(milliseconds: alert.openedAt), endsAt: UTCTime.text(milliseconds: end))
    }

    /// With `max`, as there may be two of a limit: where a user's tier depends on the roles that a request names.
    private func labels(_ alert: Alert) -> [String: String] {
        [
            "alertname": alert.kind == .quotaExceeded ? "TollgateQuotaExceeded" : "TollgateApproachingLimit",
            "severity": alert.severity.rawValue, "scope": alert.scope.description,
            "kind": alert.scope.kind.description, "limit": alert.limitName, "threshold": "\(alert.threshold)",
            "max": alert.meter.text(alert.max), "tollgate": namespace,
        ]
    }
}

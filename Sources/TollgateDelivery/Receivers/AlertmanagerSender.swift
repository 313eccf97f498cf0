import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

/// Opens and resolves alerts in Prometheus Alertmanager by its API v2. An alert is identified by its labels, which are
/// the same when it is opened and when it is resolved.
///
/// Alertmanager ends an alert that is not repeated at its `endsAt`, which is the end of the calendar period. Alerts of
/// sliding limits and of `total` limits have no such end. There they end after 30 days unless they are resolved before.
struct AlertmanagerSender: AlertSender {
    let address: WebAddress
    let http: HTTPSender
    let namespace: String
    let currency: @Sendable () -> String

    /// The duration of an alert that ends only when it is resolved, ms.
    private static let maxDuration: Int64 = 30 * 86_400_000

    /// The margin in ms by which an alert's end is backdated. If Alertmanager's clock lags behind Redis's, an end in
    /// its future would not resolve the alert.
    private static let backdating: Int64 = 5 * 60_000

    private struct Message: Encodable {
        var labels: [String: String]
        var annotations: [String: String]
        var startsAt: String
        var endsAt: String
    }

    /// An alert that is opened after its end was delivered, as from the dead-letter stream, would not end again.
    var needsLatestState: Bool { true }

    /// Excludes acknowledgements, which Alertmanager does not have.
    func takes(_ event: Alert.Event) -> Bool { event != .acknowledged }

    /// Orders the alerts of a limit and threshold, which have the same labels. The late end of one would end the next.
    func order(of entry: AlertEntry) -> String {
        let alert = entry.alert
        return "\(alert.scope) \(alert.limitName) \(alert.threshold) \(alert.maxText) \(Self.day(of: alert) ?? "")"
    }

    func deliver(_ entry: AlertEntry, isTest: Bool) async -> DeliveryOutcome {
        guard let body = try? CanonicalJSON.text([message(entry, isTest)]) else { return .unwritable }
        let base = address.text.hasSuffix("/") ? String(address.text.dropLast()) : address.text
        return await http.post(body, to: base + "/api/v2/alerts", headers: [("Tollgate-Delivery", entry.id)])
    }

    private func message(_ entry: AlertEntry, _ isTest: Bool) -> Message {
        let alert = entry.alert
        let sentence = AlertSentence(entry, currency: currency(), isTest: isTest)
        let periodEnd = alert.periodID == nil ? nil : alert.endsAt
        // Alertmanager refuses an alert that ends before it starts.
        let resolvedAt = alert.resolved.map { $0.at - Self.backdating }
        let end = max(resolvedAt ?? periodEnd ?? alert.openedAt + Self.maxDuration, alert.openedAt)
        return Message(
            labels: isTest ? testLabels(alert) : labels(alert),
            annotations: [
                "summary": PlainText.oneLine(sentence.used), "description": PlainText.oneLine(sentence.text),
                "used": alert.usedText, "max": alert.maxText, "id": alert.id,
            ],
            startsAt: UTCTime.text(milliseconds: alert.openedAt), endsAt: UTCTime.text(milliseconds: end))
    }

    /// The labels of a test message, by which Alertmanager can route it elsewhere than alerts.
    private func testLabels(_ alert: Alert) -> [String: String] {
        labels(alert).merging(["alertname": "TollgateTest", "test": "true"]) { _, new in new }
    }

    /// Includes `max`, because a limit can have two alerts if a user's tier depends on the roles that a request names.
    private func labels(_ alert: Alert) -> [String: String] {
        var labels = [
            "alertname": alert.kind.alertName,
            "severity": alert.severity.rawValue, "scope": alert.scope.description,
            "kind": alert.scope.kind.description, "limit": alert.limitName, "threshold": "\(alert.threshold)",
            "max": alert.maxText, "tollgate": namespace,
        ]
        labels["day"] = Self.day(of: alert)
        return labels
    }

    /// The day of a drift, because those of several days are open at the same time; nil for other alerts.
    private static func day(of alert: Alert) -> String? { alert.kind == .drift ? alert.periodID : nil }
}

extension Alert.Kind {
    /// The label `alertname`.
    fileprivate var alertName: String {
        switch self {
        case .approachingLimit: "TollgateApproachingLimit"
        case .quotaExceeded: "TollgateQuotaExceeded"
        case .unknownModel: "TollgateUnknownModel"
        case .drift: "TollgateDrift"
        }
    }
}

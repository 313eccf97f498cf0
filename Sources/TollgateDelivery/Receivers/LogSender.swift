import Logging
import TollgateCore
import TollgateLedger
import TollgateStores

/// Writes an event as one line to the log of the sidecar that delivers it.
struct LogSender: AlertSender {
    let logger: Logger
    let currency: @Sendable () -> String

    func deliver(_ entry: AlertEntry) async -> DeliveryOutcome {
        let alert = entry.alert
        let level: Logger.Level =
            if entry.event != .opened {
                .notice
            } else {
                alert.severity == .critical ? .error : .warning
            }
        let sentence = AlertSentence(entry, currency: currency()).text
        logger.log(
            level: level, "alert \(entry.event.rawValue): \(PlainText.oneLine(sentence))",
            metadata: ["alert": "\(alert.id)", "delivery": "\(entry.id)", "severity": "\(alert.severity.rawValue)"])
        return .delivered
    }
}

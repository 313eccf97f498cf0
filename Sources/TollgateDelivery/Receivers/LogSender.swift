import Logging
import TollgateCore
import TollgateLedger
import TollgateStores

/// Writes an event as one line to the log of the sidecar that delivers it.
struct LogSender: AlertSender {
    let logger: Logger
    let currency: @Sendable () -> String

    func deliver(_ entry: AlertEntry, isTest: Bool) async -> DeliveryOutcome {
        let alert = entry.alert
        // A used budget is no error of the sidecar. The metadata has the severity.
        let level = entry.event == .opened && !isTest ? Logger.Level.warning : .notice
        let sentence = AlertSentence(entry, currency: currency(), isTest: isTest).text
        logger.log(
            level: level, "alert \(isTest ? "test" : entry.event.rawValue): \(PlainText.oneLine(sentence))",
            metadata: ["alert": "\(alert.id)", "delivery": "\(entry.id)", "severity": "\(alert.severity.rawValue)"])
        return .delivered(status: nil)
    }
}

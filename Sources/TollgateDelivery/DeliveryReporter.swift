import Logging
import TollgateLedger

/// Writes into the log what becomes of deliveries to one handler: once when they begin to fail, and once when they work again.
struct DeliveryReporter {
    private let logger: Logger
    private var isFailing = false
    private var lastError: StoreError?

    init(handler: String, logger: Logger) {
        var logger = logger
        logger[metadataKey: "handler"] = "\(handler)"
        self.logger = logger
    }

    mutating func delivered() {
        if isFailing { logger.info("alerts are delivered again") }
        isFailing = false
    }

    mutating func failed(_ failure: DeliveryFailure) {
        logger.log(
            level: isFailing ? .debug : .warning, "an alert is not delivered; it is tried again",
            metadata: ["reason": "\(failure.sentence)"])
        isFailing = true
    }

    func parked(_ failure: FailedDelivery, id: String) {
        logger.error(
            "an alert was not delivered and is not tried any more",
            metadata: [
                "delivery": "\(id)", "alert": "\(failure.alert)", "attempts": "\(failure.attempts)",
                "reason": "\(failure.lastError)",
            ])
    }

    mutating func storeFailed(_ error: StoreError) {
        // That there is no connection is reported by the links.
        let isReported = error == lastError || error == .unavailable("not connected to Redis")
        logger.log(level: isReported ? .debug : .warning, "alerts cannot be delivered for now: \(error)")
        lastError = error
    }

    mutating func storeAnswers() {
        lastError = nil
    }
}

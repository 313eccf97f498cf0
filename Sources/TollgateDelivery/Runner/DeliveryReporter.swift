import Logging
import TollgateLedger
import TollgateStores

/// Writes into the log what becomes of deliveries to one receiver: once when they begin to fail, and once when they work again.
struct DeliveryReporter {
    private let receiver: String
    private let logger: Logger
    private let redis: RedisReporter
    private var isFailing = false
    private var lastError: StoreError?

    init(receiver: String, redis: RedisReporter, logger: Logger) {
        var logger = logger
        logger[metadataKey: "receiver"] = "\(receiver)"
        self.receiver = receiver
        self.logger = logger
        self.redis = redis
    }

    /// - Parameter isAnyFailing: whether another that has failed still waits.
    mutating func delivered(isAnyFailing: Bool) {
        guard isFailing, !isAnyFailing else { return }
        logger.info("alerts are delivered again")
        isFailing = false
    }

    mutating func failed(_ failure: DeliveryFailure) {
        logger.log(
            level: isFailing ? .debug : .warning, "an alert is not delivered; it is tried again",
            metadata: ["reason": "\(failure.sentence)"])
        isFailing = true
    }

    func deadLettered(_ failure: FailedDelivery, id: String) {
        logger.error(
            "an alert was not delivered and is not tried any more",
            metadata: [
                "delivery": "\(id)", "alert": "\(failure.alert)", "attempts": "\(failure.attempts)",
                "reason": "\(failure.lastError)",
            ])
    }

    func tooOld(_ count: Int) {
        logger.error(
            "events that nobody has read for too long are not delivered any more", metadata: ["count": "\(count)"])
    }

    func groupGone() {
        logger.warning(
            "the receiver's consumer group was gone; it begins with all that is in the stream, and some may come twice")
    }

    func missed(_ missed: DeliveryQueue.Missed) {
        let count = if case .count(let count) = missed { "\(count)" } else { "unknown" }
        logger.error(
            "events were dropped from the stream before they could be delivered", metadata: ["count": "\(count)"])
    }

    mutating func storeFailed(_ error: StoreError) {
        let sentence: Logger.Message = "alerts cannot be delivered for now: \(error)"
        switch error {
        case .unavailable, .unknownOutcome: redis.failed(receiver, sentence, error)
        default:
            logger.log(level: error == lastError ? .debug : .warning, sentence)
            lastError = error
        }
    }

    mutating func storeAnswers() {
        redis.answers(receiver)
        lastError = nil
    }
}

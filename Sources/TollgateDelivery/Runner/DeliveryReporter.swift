import Logging
import Synchronization
import TollgateLedger
import TollgateStores

/// Counts the outcomes of deliveries to one receiver, and logs them: once when they start to fail, and once when they succeed again.
struct DeliveryReporter {
    private let receiver: String
    private let logger: Logger
    private let redis: RedisReporter
    private let counts: DeliveryCounts
    private var isFailing = false
    private var lastError: StoreError?

    init(receiver: String, redis: RedisReporter, counts: DeliveryCounts, logger: Logger) {
        var logger = logger
        logger[metadataKey: "receiver"] = "\(receiver)"
        self.receiver = receiver
        self.logger = logger
        self.redis = redis
        self.counts = counts
    }

    /// - Parameter isAnyFailing: Whether another failed delivery still waits for a retry.
    mutating func delivered(isAnyFailing: Bool) {
        counts.note(.delivered, of: receiver)
        guard isFailing, !isAnyFailing else { return }
        logger.info("alerts are delivered again")
        isFailing = false
    }

    mutating func failed(_ failure: DeliveryFailure) {
        counts.note(.failed, of: receiver)
        logger.log(
            level: isFailing ? .debug : .warning, "delivery of an alert failed and will be retried",
            metadata: ["reason": "\(failure.sentence)"])
        isFailing = true
    }

    func deadLettered(_ failure: FailedDelivery, id: String) {
        counts.note(.deadLettered, of: receiver)
        logger.error(
            "delivery of an alert failed and was dead-lettered",
            metadata: [
                "delivery": "\(id)", "alert": "\(failure.alert)", "attempts": "\(failure.attempts)",
                "reason": "\(failure.lastError)",
            ])
    }

    func tooOld(_ count: Int) {
        counts.note(.deadLettered, of: receiver, times: count)
        logger.error("dead-lettered events that are too old to deliver", metadata: ["count": "\(count)"])
    }

    func groupGone() {
        logger.warning(
            "the receiver's consumer group was deleted; recreated at the start of the stream, so deliveries may repeat"
        )
    }

    func missed(_ missed: DeliveryQueue.Missed) {
        let count = if case .count(let count) = missed { "\(count)" } else { "unknown" }
        logger.error(
            "events were dropped from the stream before they could be delivered", metadata: ["count": "\(count)"])
    }

    mutating func storeFailed(_ error: StoreError) {
        let sentence: Logger.Message = "alerts cannot be delivered for now: \(error)"
        switch error {
        case .notConnected, .unavailable, .unknownOutcome: redis.failed(receiver, sentence, error)
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

/// Logs an outage of Redis once for all receivers of a sidecar. It can be used from any task.
final class RedisReporter: Sendable {
    private let logger: Logger
    /// The receivers that wait for Redis.
    private let waiting = Mutex<Set<String>>([])

    init(logger: Logger) {
        self.logger = logger
    }

    func failed(_ receiver: String, _ sentence: Logger.Message, _ error: StoreError) {
        let isFirst = waiting.withLock { waiting in
            defer { waiting.insert(receiver) }
            return waiting.isEmpty
        }
        // The links report a missing connection.
        let isReported = !isFirst || error == .notConnected
        logger.log(level: isReported ? .debug : .warning, sentence)
    }

    func answers(_ receiver: String) {
        waiting.withLock { _ = $0.remove(receiver) }
    }
}

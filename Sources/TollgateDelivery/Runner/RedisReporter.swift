import Logging
import Synchronization
import TollgateLedger
import TollgateStores

/// Writes into the log that Redis cannot be reached, once for all receivers of a sidecar. Usable from any task.
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
        // That there is no connection is reported by the links.
        let isReported = !isFirst || error == .unavailable("not connected to Redis")
        logger.log(level: isReported ? .debug : .warning, sentence)
    }

    func answers(_ receiver: String) {
        waiting.withLock { _ = $0.remove(receiver) }
    }
}

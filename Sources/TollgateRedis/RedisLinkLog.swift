package import Logging
import Synchronization

/// Logs the state of all links of a sidecar to one Redis as one: once when a link is lost, and once when all are
/// connected again. Usable from any thread. Not used on the path of a request.
package final class RedisLinkLog: Sendable {
    private let logger: Logger
    private let state = Mutex(RedisLinkLogState())

    package init(_ logger: Logger) {
        self.logger = logger
    }

    func connected(_ link: RedisLink) {
        if state.withLock({ $0.connected(ObjectIdentifier(link)) }) {
            logger.info("connected to Redis", metadata: ["address": "\(link.address)"])
        }
    }

    func failed(_ link: RedisLink, _ outage: RedisOutage) {
        guard state.withLock({ $0.failed(ObjectIdentifier(link), outage) }) else { return }
        let summary =
            if outage.isUnsupported {
                "Redis cannot be used"
            } else {
                outage.isRefusal ? "Redis rejects the login" : "no connection to Redis"
            }
        logger.log(
            level: outage.isRefusal ? .error : .warning, "\(summary); retrying",
            metadata: ["address": "\(link.address)", "reason": "\(outage.reason)"])
    }

    func closed(_ link: RedisLink) {
        state.withLock { $0.closed(ObjectIdentifier(link)) }
    }
}

/// The state of several links as one. Pure.
struct RedisLinkLogState {
    /// The links without a connection that have failed at least once.
    private var failing: Set<ObjectIdentifier> = []
    private var isConnected = false
    /// Whether an outage has been logged since all links were connected: one that needs an operator, and another one.
    private var logged: Set<Bool> = []

    /// Records a connection. Returns whether it is worth a line: the first, or the last one after an outage.
    mutating func connected(_ link: ObjectIdentifier) -> Bool {
        failing.remove(link)
        guard failing.isEmpty, !isConnected else { return false }
        isConnected = true
        logged = []
        return true
    }

    /// Records a failed attempt, or a lost connection. Returns whether it is worth a line. An outage that needs an
    /// operator is, even if another outage was logged before.
    mutating func failed(_ link: ObjectIdentifier, _ outage: RedisOutage) -> Bool {
        failing.insert(link)
        isConnected = false
        return logged.insert(outage.needsOperator).inserted
    }

    /// Forgets a link that is closed for good.
    mutating func closed(_ link: ObjectIdentifier) {
        failing.remove(link)
    }
}

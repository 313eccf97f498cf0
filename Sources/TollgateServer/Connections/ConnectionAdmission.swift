package import Logging
import NIOCore
import Synchronization

/// The places for connections, over all addresses that a service listens on: counts them, and logs once when there are none left
/// and once when there are some again. Usable from any thread; not asked on the way of a request.
package final class ConnectionAdmission: Sendable {
    /// Connections over the capacity that may be open at the same time, to be refused. With more of them nothing is accepted.
    private static let maxRefusalsAtOnce = 16

    private struct State {
        /// Accepted and not closed yet.
        var open = 0
        /// Of these, those that have a place.
        var admitted = 0
        var refused = 0
        /// A connection was refused, and there have not been a tenth of all places free since.
        var isFull = false
        var acceptFailure: String?
    }

    /// The most connections that have a place.
    package let capacity: Int
    private let name: String
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameter name: What the log calls the service, such as `admin API`.
    package init(capacity: Int, name: String, logger: Logger) {
        self.capacity = capacity
        self.name = name
        self.logger = logger
    }

    /// What INFO says of it.
    var report: InfoReport.ClientState {
        state.withLock {
            InfoReport.ClientState(max: capacity, refused: $0.refused, acceptFailure: $0.acceptFailure)
        }
    }

    // MARK: - Places

    /// Takes a place until `release()`; false where there is none.
    func admit() -> Bool {
        let (isAdmitted, isNews) = state.withLock { state in
            guard state.admitted >= capacity else {
                state.admitted += 1
                return (true, false)
            }
            defer { state.isFull = true }
            state.refused += 1
            return (false, !state.isFull)
        }
        if isNews {
            logger.warning("\(name): no more connections are taken", metadata: ["open": "\(capacity)"])
        }
        return isAdmitted
    }

    /// Gives a place back.
    func release() {
        let isNews = state.withLock { state in
            state.admitted -= 1
            guard state.isFull, state.admitted <= capacity - max(1, capacity / 10) else { return false }
            state.isFull = false
            return true
        }
        if isNews { logger.notice("\(name): there is room for connections again") }
    }

    // MARK: - Accepting

    /// Whether another connection can be accepted, if only to be refused.
    var mayAccept: Bool {
        state.withLock { $0.open - Self.maxRefusalsAtOnce < capacity }
    }

    /// Counts a connection until it is closed.
    func accepted(_ connection: any Channel) {
        state.withLock { $0.open += 1 }
        connection.closeFuture.whenComplete { _ in self.state.withLock { $0.open -= 1 } }
    }

    /// The system has refused a connection, for want of file descriptors or of memory.
    func acceptFailed(_ sentence: String) {
        let isNews = state.withLock { state in
            defer { state.acceptFailure = sentence }
            return state.acceptFailure == nil
        }
        if isNews { logger.error("\(name): connections cannot be accepted: \(sentence)") }
    }

    /// For some time the system has not refused any.
    func acceptRecovered() {
        let hadFailed = state.withLock { $0.acceptFailure.take() != nil }
        if hadFailed { logger.notice("\(name): connections are accepted again") }
    }
}

package import Logging
import NIOCore
import Synchronization

/// Limits the connections of a service over all of its addresses. Logs once when the limit is reached, and once when
/// there is room again. Usable from any thread. Not used on the path of a request.
package final class ConnectionAdmission: Sendable {
    /// The maximum number of connections above the capacity that are accepted only to be refused with an error. Further
    /// ones stay in the backlog.
    private static let maxRefusalsAtOnce = 16

    private struct State {
        /// Connections that were accepted and are not closed.
        var open = 0
        /// Connections among these that were not refused.
        var admitted = 0
        var refused = 0
        /// Whether a connection was refused, and a tenth of the capacity has not been free since.
        var isFull = false
        var acceptFailure: String?
    }

    /// The largest number of admitted connections.
    package let capacity: Int
    private let name: String
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameter name: The name of the service in log lines, such as `admin API`.
    package init(capacity: Int, name: String, logger: Logger) {
        self.capacity = capacity
        self.name = name
        self.logger = logger
    }

    /// The state for STATUS.
    var report: InfoReport.ClientState {
        state.withLock {
            InfoReport.ClientState(max: capacity, refused: $0.refused, acceptFailure: $0.acceptFailure)
        }
    }

    // MARK: - Admission

    /// Whether connections were refused at the limit, and there has been little room since.
    var isFull: Bool { state.withLock { $0.isFull } }

    /// Admits a connection until `release()`. Returns false if there is no room.
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
            logger.warning("\(name): connection limit reached, refusing new ones", metadata: ["open": "\(capacity)"])
        }
        return isAdmitted
    }

    /// Releases an admitted connection.
    func release() {
        let isNews = state.withLock { state in
            state.admitted -= 1
            guard state.isFull, state.admitted <= capacity - max(1, capacity / 10) else { return false }
            state.isFull = false
            return true
        }
        if isNews { logger.notice("\(name): accepting connections again") }
    }

    // MARK: - Accepting

    /// Whether another connection may be accepted, if only to be refused.
    var mayAccept: Bool {
        state.withLock { $0.open - Self.maxRefusalsAtOnce < capacity }
    }

    /// Counts a connection until it is closed.
    func accepted(_ connection: any Channel) {
        state.withLock { $0.open += 1 }
        connection.closeFuture.whenComplete { _ in self.state.withLock { $0.open -= 1 } }
    }

    /// Records that the system has failed to accept a connection, for lack of file descriptors or memory.
    func acceptFailed(_ sentence: String) {
        let isNews = state.withLock { state in
            defer { state.acceptFailure = sentence }
            return state.acceptFailure == nil
        }
        if isNews { logger.error("\(name): cannot accept connections: \(sentence)") }
    }

    /// Records that accepting has worked for some time.
    func acceptRecovered() {
        let hadFailed = state.withLock { $0.acceptFailure.take() != nil }
        if hadFailed { logger.notice("\(name): can accept connections again") }
    }
}

package import Logging
import NIOCore
import Synchronization

/// Counts and logs the failures of clients by their address, with a bounded number of log lines. Usable from any
/// thread. Takes a lock, so it is for failures only.
package final class ClientFailures: Sendable {
    private struct State {
        var counter: FailureCounter
        var total = 0
    }

    private let message: String
    private let lastMessage: String
    private let logger: Logger
    private let started = ContinuousClock.now
    private let state: Mutex<State>

    /// - Parameters:
    ///   - max: The failures of an address in a minute that are logged one by one.
    ///   - message: The log line of each.
    ///   - lastMessage: The log line of the next one, after which the rest of the minute is not logged.
    package init(max: Int, message: String, lastMessage: String, logger: Logger) {
        self.message = message
        self.lastMessage = lastMessage
        self.logger = logger
        state = Mutex(State(counter: FailureCounter(max: max)))
    }

    /// Counts wrong tokens. Ten a minute from an address are answered as such.
    package static func wrongTokens(at service: String, logger: Logger) -> ClientFailures {
        ClientFailures(
            max: maxWrongTokens, message: "\(service): wrong token",
            lastMessage: "\(service): more wrong tokens, not logged one by one", logger: logger)
    }

    /// The maximum number of wrong tokens per address and minute that are reported as wrong tokens. Further attempts
    /// are rate-limited.
    package static let maxWrongTokens = 10

    /// The number of failures since the start.
    var total: Int { state.withLock { $0.total } }

    /// Counts a failure. Returns nil for the first few in a minute, and then the seconds until the minute is over.
    package func note(from address: String, metadata: Logger.Metadata = [:]) -> Int? {
        let second = Int((ContinuousClock.now - started).components.seconds)
        let verdict = state.withLock { state in
            state.total += 1
            return state.counter.note(address, atSecond: second)
        }
        let metadata = metadata.merging(["from": "\(address)"]) { $1 }
        switch verdict {
        case .counted:
            logger.warning("\(message)", metadata: metadata)
            return nil
        case .firstRefused(let wait):
            logger.warning("\(lastMessage)", metadata: metadata)
            return wait
        case .refused(let wait): return wait
        }
    }
}

/// Counts failures by address, in fixed minutes. Stores a bounded number of addresses; beyond it all new ones count as
/// one. Pure.
struct FailureCounter {
    static let maxAddresses = 4_096

    enum Verdict: Equatable {
        /// Within the limit of the minute.
        case counted
        /// The first failure over the limit.
        case firstRefused(retryAfter: Int)
        case refused(retryAfter: Int)
    }

    /// The limit a minute.
    let max: Int
    private var minute = 0
    private var failures: [String: Int] = [:]

    init(max: Int) {
        self.max = max
    }

    /// Counts a failure.
    ///
    /// - Parameter seconds: The time of a monotonic clock.
    mutating func note(_ address: String, atSecond seconds: Int) -> Verdict {
        if minute != seconds / 60 {
            minute = seconds / 60
            failures.removeAll()
        }
        let isKnown = failures[address] != nil || failures.count < Self.maxAddresses
        let count = failures[isKnown ? address : "", default: 0] + 1
        failures[isKnown ? address : ""] = min(count, max + 2)
        let wait = 60 - seconds % 60
        if count <= max { return .counted }
        return count == max + 1 ? .firstRefused(retryAfter: wait) : .refused(retryAfter: wait)
    }
}

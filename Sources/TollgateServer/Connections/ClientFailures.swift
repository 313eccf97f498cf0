package import Logging
import NIOCore
import Synchronization

/// What clients do wrong: counted by the address that it comes from, and logged, so often as is of use. Usable from any thread;
/// takes a lock, and is for failures alone.
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
    ///   - message: What the log says of each.
    ///   - lastMessage: What it says of the next one, after which it says nothing until the minute is over.
    package init(max: Int, message: String, lastMessage: String, logger: Logger) {
        self.message = message
        self.lastMessage = lastMessage
        self.logger = logger
        state = Mutex(State(counter: FailureCounter(max: max)))
    }

    /// Wrong tokens, of which ten a minute are answered as such.
    package static func wrongTokens(at service: String, logger: Logger) -> ClientFailures {
        ClientFailures(
            max: maxWrongTokens, message: "\(service): wrong token",
            lastMessage: "\(service): more wrong tokens, not logged one by one", logger: logger)
    }

    /// The wrong tokens of an address in a minute that are answered as such.
    package static let maxWrongTokens = 10

    /// How often this has happened since the start.
    var total: Int { state.withLock { $0.total } }

    /// Notes a failure. Returns nil for the first few in a minute, and then the seconds until the minute is over.
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

import Foundation
import Synchronization

/// Counts wrong tokens by the address they came from, in fixed minutes. Holds a bounded number of addresses: past it, those that
/// are not known yet count as one.
final class FailureCounter: Sendable {
    /// Wrong tokens a minute that are answered as such.
    static let most = 10
    static let mostAddresses = 4_096

    private struct State {
        var minute = 0
        var failures: [String: Int] = [:]
    }

    private let state = Mutex(State())

    enum Verdict: Equatable {
        /// One of the first in this minute.
        case counted
        /// The first one that is too many.
        case firstRefused(retryAfter: Int)
        case refused(retryAfter: Int)
    }

    /// Notes a wrong token. `seconds` is a clock that goes forward only.
    func note(_ address: String, atSecond seconds: Int) -> Verdict {
        state.withLock { state in
            if state.minute != seconds / 60 {
                state.minute = seconds / 60
                state.failures.removeAll()
            }
            let isKnown = state.failures[address] != nil || state.failures.count < Self.mostAddresses
            let count = state.failures[isKnown ? address : "", default: 0] + 1
            state.failures[isKnown ? address : ""] = min(count, Self.most + 2)
            let wait = 60 - seconds % 60
            if count <= Self.most { return .counted }
            return count == Self.most + 1 ? .firstRefused(retryAfter: wait) : .refused(retryAfter: wait)
        }
    }
}

import Synchronization

/// The outcomes of this sidecar's deliveries since the start, by receiver, for metrics. Usable from any thread.
package final class DeliveryCounts: Sendable {
    package enum Outcome: String, CaseIterable, Sendable {
        case delivered
        /// An attempt failed, and is repeated.
        case failed
        case deadLettered = "dead_lettered"
    }

    private let counts = Mutex<[String: [Outcome: Int]]>([:])

    package init() {}

    package func note(_ outcome: Outcome, of receiver: String, times: Int = 1) {
        counts.withLock { $0[receiver, default: [:]][outcome, default: 0] += times }
    }

    /// The counts of the receivers that have any. A removed receiver keeps its counts: counters do not go back.
    package var all: [String: [Outcome: Int]] { counts.withLock { $0 } }
}

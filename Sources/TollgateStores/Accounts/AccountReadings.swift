import Synchronization

/// The states of the accounts that this sidecar reads, for STATUS and INFO. Usable from any thread.
package final class AccountReadings: Sendable {
    /// The state of an account's figures.
    package enum State: Sendable {
        case fresh
        /// There are no newer figures, and no failure says why.
        case stale
        /// The last attempt failed.
        case failing
    }

    /// All states at one time.
    package struct Snapshot: Sendable {
        /// Whether this sidecar is the one of the namespace that reads.
        package var isReader = false
        /// The states by the ids of accounts; empty if another sidecar reads.
        package var states: [String: State] = [:]

        package init(isReader: Bool = false, states: [String: State] = [:]) {
            (self.isReader, self.states) = (isReader, states)
        }
    }

    private let current = Mutex(Snapshot())

    package init() {}

    package var snapshot: Snapshot { current.withLock { $0 } }

    package func publish(_ snapshot: Snapshot) { current.withLock { $0 = snapshot } }
}

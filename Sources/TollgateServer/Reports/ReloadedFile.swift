import Foundation
import Synchronization

/// The state of a file that is reloaded while the sidecar runs, for STATUS. Usable from any task.
package final class ReloadedFile: Sendable {
    /// A snapshot of the state.
    package struct State: Sendable, Equatable {
        /// The path; nil if there is no such file.
        package var path: String?
        /// The time at which the content in force was read, ISO 8601.
        package var loadedAt: String?
        /// The error of the last reload; nil if the current file is in force.
        package var error: String?
    }

    private let current = Mutex(State())
    private let failureCount = Atomic(0)

    package init() {}

    package var state: State { current.withLock { $0 } }

    /// The reloads that failed with another error than the one before, since the start.
    package var failures: Int { failureCount.load(ordering: .relaxed) }

    /// Records that the content of the file is in force now.
    package func wasLoaded(_ path: String) {
        current.withLock { $0 = State(path: path, loadedAt: Date.now.ISO8601Format()) }
    }

    /// Records that the file could not be reloaded. Returns whether the error differs from the last one.
    package func reloadFailed(_ error: String) -> Bool {
        current.withLock { state in
            defer { state.error = error }
            if state.error != error { failureCount.add(1, ordering: .relaxed) }
            return state.error != error
        }
    }
}

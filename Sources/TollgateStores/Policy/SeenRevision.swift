import Synchronization

/// The highest number of a change of what administrators set that a sidecar has seen. A lower one in Redis tells that an older
/// state of the data is back there. Usable from any thread.
package final class SeenRevision: Sendable {
    private let highest = Mutex<Int64>(0)

    package init() {}

    /// 0 before the first.
    package var last: Int64 { highest.withLock { $0 } }

    package func note(_ revision: Int64) {
        highest.withLock { $0 = max($0, revision) }
    }
}

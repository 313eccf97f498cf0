import Synchronization

/// The addresses on which a sidecar listens, with the ports that the system chose. Usable from any thread.
package final class ListeningAddresses: Sendable {
    private struct State {
        var line: [ListenAddress] = []
        var admin: ListenAddress?
        var metrics: ListenAddress?
    }

    private let state = Mutex(State())
    /// An element for each change, for one reader.
    package let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    init() {
        (changes, changed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// The addresses for clients; empty before they are bound.
    package internal(set) var line: [ListenAddress] {
        get { state.withLock { $0.line } }
        set {
            state.withLock { $0.line = newValue }
            changed.yield()
        }
    }

    /// The address of the admin API; nil before it is bound, and if it is off.
    package var admin: ListenAddress? {
        get { state.withLock { $0.admin } }
        set {
            state.withLock { $0.admin = newValue }
            changed.yield()
        }
    }

    /// The address of the listener for metrics; nil before it is bound, and without one.
    package var metrics: ListenAddress? {
        get { state.withLock { $0.metrics } }
        set {
            state.withLock { $0.metrics = newValue }
            changed.yield()
        }
    }
}

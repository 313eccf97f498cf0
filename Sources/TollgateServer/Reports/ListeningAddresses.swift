import Synchronization

/// The addresses on which a sidecar listens, with the ports that the system chose. Usable from any thread.
package final class ListeningAddresses: Sendable {
    private struct State {
        var line: [ListenAddress] = []
        var admin: ListenAddress?
    }

    private let state = Mutex(State())

    init() {}

    /// The addresses of the client protocol; empty before they are bound.
    var line: [ListenAddress] {
        get { state.withLock { $0.line } }
        set { state.withLock { $0.line = newValue } }
    }

    /// The address of the admin API; nil before it is bound, and if it is off.
    package var admin: ListenAddress? {
        get { state.withLock { $0.admin } }
        set { state.withLock { $0.admin = newValue } }
    }
}

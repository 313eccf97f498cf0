import NIOCore
import NIOPosix
import TollgateRedis
import TollgateTestSupport

/// A TCP proxy on a free port of 127.0.0.1 before a server, with faults that can be changed at any time.
///
/// Usable from any thread; all its work is on one event loop.
final class FaultyProxy: Sendable {
    /// The address for clients.
    let port: Int
    private let core: NIOLoopBound<ProxyCore>
    private let held: PortHolder

    /// Creates a proxy that accepts connections and forwards them to the server at an address.
    init(to upstream: RedisAddress.Endpoint) async throws {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let port = try PortHolder()
        held = port
        self.port = port.number
        core = try await eventLoop.submit {
            NIOLoopBound(ProxyCore(port: port.number, upstream: upstream, eventLoop: eventLoop), eventLoop: eventLoop)
        }.get()
        try await set(.none)
    }

    /// Sets the fault, and ends the previous one.
    ///
    /// A connection with swallowed bytes is closed when swallowing ends: it cannot go on with a gap in its stream.
    func set(_ fault: ProxyFault) async throws {
        try await core.eventLoop.flatSubmit { [core] in core.value.set(fault) }.get()
    }

    /// The number of connections that have been cut.
    var cuts: Int {
        get async throws { try await core.eventLoop.submit { [core] in core.value.cuts }.get() }
    }

    /// Closes the listener and all connections.
    func stop() async throws {
        try await set(.refuse)
        held.release()
    }
}

import NIOCore
import NIOPosix
import TollgateRedis
import TollgateTestSupport

/// A TCP proxy on a free port of 127.0.0.1 before a server, with faults that can be switched at any time.
///
/// Usable from any thread; all its work is done on one event loop.
final class FaultyProxy: Sendable {
    /// Where clients connect.
    let port: Int
    private let core: NIOLoopBound<ProxyCore>
    private let held: PortHolder

    /// A proxy that takes connections and passes them on to the server at this place.
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

    /// From now on this is done; what was there before ends. A connection of which bytes were swallowed is closed when they are no
    /// longer: it cannot go on with a hole in its stream.
    func set(_ fault: ProxyFault) async throws {
        try await core.eventLoop.flatSubmit { [core] in core.value.set(fault) }.get()
    }

    /// How many connections have been cut.
    var cuts: Int {
        get async throws { try await core.eventLoop.submit { [core] in core.value.cuts }.get() }
    }

    /// Closes everything for good.
    func stop() async throws {
        try await set(.refuse)
        held.release()
    }
}

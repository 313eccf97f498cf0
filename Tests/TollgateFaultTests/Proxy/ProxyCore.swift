import NIOCore
import NIOPosix
import TollgateRedis

/// The listener and the connections of a ``FaultyProxy``.
///
/// Bound to one event loop.
final class ProxyCore {
    let eventLoop: any EventLoop
    private(set) var fault = ProxyFault.none
    /// The number of connections that have been cut.
    private(set) var cuts = 0
    private let upstream: RedisAddress.Endpoint
    private let port: Int
    private var listener: (any Channel)?
    private var pairs: [ObjectIdentifier: ProxyPair] = [:]

    /// Creates a proxy that does not listen before the first ``set(_:)``.
    init(port: Int, upstream: RedisAddress.Endpoint, eventLoop: any EventLoop) {
        self.port = port
        self.upstream = upstream
        self.eventLoop = eventLoop
    }

    // MARK: - Faults

    func set(_ fault: ProxyFault) -> EventLoopFuture<Void> {
        self.fault = fault
        for pair in Array(pairs.values) where fault == .refuse || !pair.mayGoOn(under: fault) { pair.close() }
        guard fault == .refuse else { return listener == nil ? listen() : eventLoop.makeSucceededVoidFuture() }
        guard let listener else { return eventLoop.makeSucceededVoidFuture() }
        self.listener = nil
        return listener.close()
    }

    /// Returns how many of the reply's bytes may pass, and whether the connection is cut after them.
    func admit(replyBytes count: Int) -> (count: Int, isCut: Bool) {
        guard case .cut(let left) = fault else { return (count, false) }
        guard count >= left else {
            fault = .cut(afterReplyBytes: left - count)
            return (count, false)
        }
        fault = .none
        cuts += 1
        return (left, true)
    }

    // MARK: - Connections

    private func listen() -> EventLoopFuture<Void> {
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        return ServerBootstrap(group: eventLoop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try core.value.accept(channel) }
            }
            .bind(host: "127.0.0.1", port: port)
            .map { core.value.listener = $0 }
    }

    private func accept(_ client: any Channel) throws {
        let pair = ProxyPair(client: client, core: self)
        pairs[ObjectIdentifier(pair)] = pair
        try client.pipeline.syncOperations.addHandler(ProxyHandler(pair: pair, direction: .requests))
        let bound = NIOLoopBound(pair, eventLoop: eventLoop)
        connect { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    ProxyHandler(pair: bound.value, direction: .replies))
            }
        }.assumeIsolated().whenComplete { result in
            if case .success(let channel) = result { pair.connected(to: channel) } else { pair.close() }
        }
    }

    private func connect(
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        let bootstrap = ClientBootstrap(group: eventLoop).channelInitializer(initializer)
        return switch upstream {
        case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
        case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
        }
    }

    func remove(_ pair: ProxyPair) {
        pairs[ObjectIdentifier(pair)] = nil
    }
}

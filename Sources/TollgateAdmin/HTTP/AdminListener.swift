import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import TollgatePolicy
import TollgateServer

/// Binds the address of the admin API and sets up its connections.
///
/// Hummingbird's `Server` cannot replace it. It binds a Unix socket by path, and would remove the socket of a running
/// sidecar. It also has no hook for `AcceptGate` in the server channel.
struct AdminListener {
    typealias ServerChannel = NIOAsyncChannel<HTTP1Channel.Value, Never>

    let address: ListenAddress
    /// The option that gives the address, for errors.
    let option: AdminSettings.Option
    let http: HTTP1Channel
    let connections: OpenConnections
    let admission: ConnectionAdmission
    let logger: Logger

    /// Binds the address. Also returns the file of a Unix socket.
    ///
    /// - Throws: `OperatorError` if it cannot bind.
    func bind() async throws(OperatorError) -> (channel: ServerChannel, file: UnixSocketFile?) {
        do {
            switch address {
            case .tcp(let host, let port):
                return (try await bootstrap.bind(host: host, port: port) { setUp($0) }, nil)
            case .unix(let path):
                let file = try UnixSocketFile(making: path, option: option.rawValue)
                return (try await bootstrap.bind(file.descriptor) { setUp($0) }, file)
            }
        } catch let error as OperatorError {
            throw error
        } catch let error as IOError {
            guard error.errnoCode != EADDRINUSE else { throw address.inUse(option.rawValue) }
            throw OperatorError("\(option.rawValue) \(address): \(String(cString: strerror(error.errnoCode)))")
        } catch is SocketAddressError.UnknownHost {
            throw OperatorError("\(option.rawValue) \(address): host name not found")
        } catch {
            throw OperatorError("\(option.rawValue) \(address): \(error)")
        }
    }

    private var bootstrap: ServerBootstrap {
        ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .serverChannelInitializer { [admission, connections, logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(admission))
                    let max = MaximumAvailableConnections(connections.max, logger: logger)
                    try channel.pipeline.syncOperations.addHandler(AvailableConnectionsChannelHandler(delegate: max))
                }
            }
    }

    private func setUp(_ channel: any Channel) -> EventLoopFuture<HTTP1Channel.Value> {
        http.setup(channel: channel, logger: logger).flatMapThrowing { [connections] connection in
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(ConnectionDeadline(connections), position: .after(decoder))
            connections.add(channel)
            return connection
        }
    }
}

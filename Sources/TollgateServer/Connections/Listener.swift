import Foundation
package import NIOCore
import NIOPosix
import TollgatePolicy

/// A listening address. Each connection becomes a session on the event loop of a worker.
struct Listener {
    let address: ListenAddress
    let admission: ConnectionAdmission
    let workers: [NIOLoopBound<Worker>]
    let idleTimeout: IdleTimeout

    /// The unwritten bytes at which a session stops reading from its client.
    private static let outputMarks = ChannelOptions.Types.WriteBufferWaterMark(low: 64 * 1_024, high: 512 * 1_024)

    /// The bytes of one read. More input waits in the socket.
    private static let bytesPerRead = 16 * 1_024

    /// Sends replies immediately, and detects clients whose host is gone within two minutes.
    private static func setTCPOptions(of channel: any Channel) throws {
        guard let options = channel.syncOptions else { return }
        try options.setOption(.tcpOption(.tcp_nodelay), value: 1)
        try options.setOption(.socketOption(.so_keepalive), value: 1)
        for (name, value) in [(TCP_KEEPIDLE, 60), (TCP_KEEPINTVL, 10), (TCP_KEEPCNT, 6)] {
            try options.setOption(
                .tcpOption(NIOBSDSocket.Option(rawValue: name)), value: ChannelOptions.Types.SocketOption.Value(value))
        }
    }

    /// Binds the address and starts to accept connections.
    ///
    /// - Throws: An `OperatorError` that names the address.
    func bind(group: MultiThreadedEventLoopGroup) async throws -> any Channel {
        let idleTime = idleTimeout.time(on: address).map { TimeAmount($0) }
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { [admission] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(admission))
                }
            }
            .childChannelOption(.writeBufferWaterMark, value: Self.outputMarks)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            // `printf … | nc` closes its side first and still reads the replies.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.bytesPerRead))
            .childChannelInitializer { [admission, workers, address] channel in
                channel.eventLoop.makeCompletedFuture {
                    if case .tcp = address { try Self.setTCPOptions(of: channel) }
                    guard let worker = workers.first(where: { $0.eventLoop === channel.eventLoop }) else { return }
                    guard admission.admit() else {
                        return try channel.pipeline.syncOperations.addHandler(ConnectionRefusal())
                    }
                    channel.closeFuture.whenComplete { _ in admission.release() }
                    try channel.pipeline.syncOperations.addHandler(
                        Session(worker: worker.value, idleTimeout: idleTime))
                }
            }
        do {
            switch address {
            case .tcp(let host, let port):
                return try await bootstrap.bind(host: host, port: port).get()
            case .unix(let path):
                let file = try UnixSocketFile(making: path, option: "--listen")
                return try await bootstrap.withBoundSocket(file.descriptor).get()
            }
        } catch let error as OperatorError {
            throw error
        } catch let error as IOError {
            guard error.errnoCode != EADDRINUSE else { throw address.inUse("--listen") }
            throw OperatorError("--listen \(address): \(String(cString: strerror(error.errnoCode)))")
        } catch is SocketAddressError.UnknownHost {
            throw OperatorError("--listen \(address): host name not found")
        } catch {
            throw OperatorError("--listen \(address): \(error)")
        }
    }
}

/// Writes an error to a client for which there is no room, and closes.
private final class ConnectionRefusal: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        // Readable in both protocols: a line, and an error of RESP.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "-ERR busy too many connections\r\n")), promise: nil)
        context.close(promise: nil)
    }
}

extension ListenAddress {
    /// Returns the address with the port that the system chose for port 0.
    package func bound(to address: SocketAddress?) -> ListenAddress {
        guard case .tcp(let host, _) = self, let port = address?.port else { return self }
        return .tcp(host: host, port: port)
    }
}

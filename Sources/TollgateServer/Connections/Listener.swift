import Foundation
package import NIOCore
import NIOPosix
import TollgatePolicy

/// One address that is listened on; every connection becomes a session on one of the workers' loops.
struct Listener {
    let address: ListenAddress
    let server: TollgateServer
    let workers: [NIOLoopBound<Worker>]

    /// A client that does not read is no longer read from when so much waits to be written to it.
    private static let outputMarks = ChannelOptions.Types.WriteBufferWaterMark(low: 64 * 1_024, high: 512 * 1_024)

    /// What a client has sent beyond that waits in its socket.
    private static let bytesPerRead = 16 * 1_024

    /// Throws an `OperatorError` that names the address.
    func bind(group: MultiThreadedEventLoopGroup) async throws -> any Channel {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { [server] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(server.admission))
                }
            }
            .childChannelOption(.writeBufferWaterMark, value: Self.outputMarks)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            // `printf … | nc` ends its side first, and still wants its replies.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.bytesPerRead))
            .childChannelInitializer { [server, workers, address] channel in
                channel.eventLoop.makeCompletedFuture {
                    if case .tcp = address { try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1) }
                    guard let worker = workers.first(where: { $0.eventLoop === channel.eventLoop }) else { return }
                    guard server.admission.admit() else {
                        return try channel.pipeline.syncOperations.addHandler(ConnectionRefusal())
                    }
                    channel.closeFuture.whenComplete { _ in server.admission.release() }
                    try channel.pipeline.syncOperations.addHandler(Session(worker: worker.value))
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
            throw OperatorError("--listen \(address): \(String(cString: strerror(error.errnoCode)))")
        } catch is SocketAddressError.UnknownHost {
            throw OperatorError("--listen \(address): host name not found")
        } catch {
            throw OperatorError("--listen \(address): \(error)")
        }
    }
}

/// Tells a client that there is no place for it, and closes.
private final class ConnectionRefusal: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        // Both protocols: a line, and nearly the error of RESP.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "-ERR busy too many connections\r\n")), promise: nil)
        context.close(promise: nil)
    }
}

extension ListenAddress {
    /// With the port that the system chose for port 0.
    package func bound(to address: SocketAddress?) -> ListenAddress {
        guard case .tcp(let host, _) = self, let port = address?.port else { return self }
        return .tcp(host: host, port: port)
    }
}

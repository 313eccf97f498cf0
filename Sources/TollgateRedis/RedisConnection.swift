import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// One connection: turns its bytes into replies for the link, until either ends.
///
/// Bound to the link's event loop. The link and its connection hold each other; ``detach()`` and the channel's end part
/// them.
final class RedisConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    let channel: any Channel
    private let reader: RedisReplyReader
    private var link: RedisLink?
    private var failure: String?

    init(channel: any Channel) throws {
        self.channel = channel
        reader = try RedisReplyReader()
    }

    /// From now on the link hears of replies and of the end.
    func attach(to link: RedisLink) {
        self.link = link
    }

    /// From now on the link hears nothing of this connection.
    func detach() {
        link = nil
    }

    /// Whether Redis has sent bytes that the event loop has not read yet.
    var hasUnreadBytes: Bool {
        let isReadable = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { socket in
            var byte: UInt8 = 0
            return recv(socket, &byte, 1, CInt(MSG_PEEK | MSG_DONTWAIT)) > 0
        }
        return isReadable ?? false
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard link != nil else { return }
        do {
            try reader.feed(unwrapInboundIn(data))
            // The link may detach from us over any reply.
            while let link, let reply = try reader.next() { link.received(reply) }
        } catch {
            link?.disconnect(reason: "\(error)")
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let link = link
        self.link = nil
        link?.connectionEnded(failure ?? "closed by Redis")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = Self.reason(of: error)
        context.close(promise: nil)
    }

    /// The error in words for an operator.
    static func reason(of error: any Error) -> String {
        switch error {
        case let error as IOError: Self.words(forErrno: error.errnoCode)
        case let error as NIOConnectionError: reason(of: error)
        case ChannelError.eof: "closed by Redis"
        case ChannelError.connectTimeout:
            "no connection within \(RedisLink.connectTimeout.nanoseconds / 1_000_000_000) s"
        default: "\(error)"
        }
    }

    private static func reason(of error: NIOConnectionError) -> String {
        if let attempt = error.connectionErrors.first { return reason(of: attempt.error) }
        return error.dnsAError == nil && error.dnsAAAAError == nil ? "\(error)" : "host name not found"
    }

    private static func words(forErrno code: CInt) -> String {
        String(cString: strerror(code)).lowercased()
    }
}

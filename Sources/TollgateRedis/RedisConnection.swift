import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The channel handler of one connection: parses incoming bytes into replies and delivers them to the link.
///
/// Bound to the link's event loop. The link and its connection retain each other until ``detach()`` or the end of the
/// channel breaks the cycle.
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

    /// Delivers replies and the end of the connection to the link from now on.
    func attach(to link: RedisLink) {
        self.link = link
    }

    /// Stops delivering anything to the link.
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
            // The link may detach while it handles a reply.
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

    /// Returns a short description of the error for log lines.
    static func reason(of error: any Error) -> String {
        switch error {
        case let error as IOError: Self.message(forErrno: error.errnoCode)
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

    private static func message(forErrno code: CInt) -> String {
        String(cString: strerror(code)).lowercased()
    }
}

import NIOCore

/// Splits the bytes of a connection into reply lines and passes them to the link. Owned by the event loop of the
/// channel and the link.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let link: ClientLink
    private var lines = ReplyLines()

    init(link: ClientLink) {
        self.link = link
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lines.append(unwrapInboundIn(data))
        do {
            while let line = try lines.next() { link.received(line, from: self) }
        } catch {
            link.lost(self, because: "the sidecar sent a reply that is too long")
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        link.lost(self, because: "the sidecar closed the connection")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.lost(self, because: "connection lost: \(ConnectionProblem.words(for: error))")
        context.close(promise: nil)
    }
}

import NIOCore

/// Splits the bytes of an alert connection into lines and passes them to the link. It reads only while the link wants
/// more. Owned by the event loop of the channel and the link.
final class AlertChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let link: AlertLink
    private var lines = ReplyLines()

    init(link: AlertLink) {
        self.link = link
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lines.append(unwrapInboundIn(data))
        do {
            while let line = try lines.next() { link.handleLine(line, from: self) }
        } catch {
            link.disconnected(self)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if link.wantsBytes { context.read() }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        link.disconnected(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.disconnected(self)
        context.close(promise: nil)
    }
}

import NIOCore
import TollgateWire

/// Cuts what arrives on a connection for alerts into lines, hands them to the link, and reads on only while that wants more. Owned
/// by the channel's event loop, which is the link's.
final class AlertChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let link: AlertLink
    private var framer = LineFramer(longestLine: ClientHandler.longestReply)
    private var arrived = ByteBuffer()

    init(link: AlertLink) {
        self.link = link
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if arrived.readableBytes == 0 { arrived = bytes } else { arrived.writeBuffer(&bytes) }
        do {
            while let line = try framer.next(in: arrived) {
                let text = arrived.getString(at: arrived.readerIndex, length: line.length) ?? ""
                arrived.moveReaderIndex(forwardBy: line.consumed)
                link.received(text, from: self)
            }
        } catch {
            link.lost(self)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if link.wantsBytes { context.read() }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        link.lost(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.lost(self)
        context.close(promise: nil)
    }
}

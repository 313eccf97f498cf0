import NIOCore
import TollgateWire

/// Cuts what arrives on one connection into reply lines and hands them to the link. Owned by the channel's event loop, which
/// is the link's.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// No reply is longer; a decision may list many shadow limits.
    static let longestReply = 1_048_576

    private let link: ClientLink
    private var framer = LineFramer(longestLine: ClientHandler.longestReply)
    private var arrived = ByteBuffer()

    init(link: ClientLink) {
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
            link.lost(self, because: "the sidecar sent a reply without an end")
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        link.lost(self, because: "the sidecar closed the connection")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.lost(self, because: "the connection broke: \(ConnectionProblem.words(for: error))")
        context.close(promise: nil)
    }
}

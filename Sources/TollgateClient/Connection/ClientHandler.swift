import NIOCore
import TollgateWire

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
            while let line = try lines.next() { link.handleLine(line, from: self) }
        } catch {
            link.disconnected(self, reason: "the sidecar sent a reply that is too long")
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        link.disconnected(self, reason: "the sidecar closed the connection")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.disconnected(self, reason: "connection lost: \(ConnectionProblem.description(of: error))")
        context.close(promise: nil)
    }
}

/// Splits the bytes of one connection into lines.
struct ReplyLines {
    /// The maximum length of a line in bytes. A decision can list many shadow limits.
    private static let maxLineLength = 1_048_576

    private var framer = LineFramer(maxLineLength: maxLineLength)
    private var arrived = ByteBuffer()

    mutating func append(_ bytes: ByteBuffer) {
        if arrived.readableBytes == 0 { arrived = bytes } else { arrived.writeImmutableBuffer(bytes) }
    }

    /// Returns the next complete line, or nil if more bytes are needed. Throws if a line is too long.
    mutating func next() throws -> String? {
        guard let line = try framer.next(in: arrived) else { return nil }
        let text = arrived.getString(at: arrived.readerIndex, length: line.length) ?? ""
        arrived.moveReaderIndex(forwardBy: line.consumed)
        return text
    }
}

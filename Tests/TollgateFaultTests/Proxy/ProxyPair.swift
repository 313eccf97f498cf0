import NIOCore

/// A client's connection and its connection to the server, which end together.
///
/// Bound to the proxy's event loop.
final class ProxyPair {
    private let client: any Channel
    private var server: (any Channel)?
    private unowned let core: ProxyCore
    private let requests = Lane()
    private let replies = Lane()
    private var isClosed = false

    /// The bytes in transit in one direction.
    private final class Lane {
        var waiting: [ByteBuffer] = []
        var latest = NIODeadline.uptimeNanoseconds(0)
        var hasHole = false
    }

    init(client: any Channel, core: ProxyCore) {
        self.client = client
        self.core = core
    }

    /// Returns whether the connection can go on: no byte is missing, unless the fault still swallows that direction.
    func mayGoOn(under fault: ProxyFault) -> Bool {
        (!requests.hasHole || fault.swallows(.requests)) && (!replies.hasHole || fault.swallows(.replies))
    }

    /// Forwards the client's bytes so far, as the server is connected.
    func connected(to server: any Channel) {
        guard !isClosed else { return server.close(promise: nil) }
        self.server = server
        deliver(.requests)
    }

    func read(_ bytes: ByteBuffer, _ direction: ProxyDirection) {
        guard !isClosed else { return }
        guard !core.fault.swallows(direction) else {
            lane(direction).hasHole = true
            return
        }
        guard direction == .replies else { return pass(bytes, .requests) }
        let (count, isCut) = core.admit(replyBytes: bytes.readableBytes)
        pass(bytes.getSlice(at: bytes.readerIndex, length: count) ?? ByteBuffer(), .replies)
        guard isCut else { return }
        deliver(.replies)
        close()
    }

    /// Bytes of one direction keep their order, even if the delay becomes shorter.
    private func pass(_ bytes: ByteBuffer, _ direction: ProxyDirection) {
        let delay = TimeAmount(core.fault.delay(of: direction))
        let lane = lane(direction)
        let now = NIODeadline.now()
        let due = max(now + delay, lane.latest)
        lane.waiting.append(bytes)
        lane.latest = due
        guard due > now else { return deliver(direction) }
        core.eventLoop.assumeIsolated().scheduleTask(deadline: due) { self.deliver(direction, atMost: 1) }
    }

    private func deliver(_ direction: ProxyDirection, atMost count: Int = .max) {
        guard !isClosed, let channel = direction == .requests ? server : client else { return }
        let lane = lane(direction)
        let due = lane.waiting.prefix(count)
        lane.waiting.removeFirst(due.count)
        for bytes in due { channel.writeAndFlush(bytes, promise: nil) }
    }

    private func lane(_ direction: ProxyDirection) -> Lane {
        direction == .requests ? requests : replies
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        client.close(promise: nil)
        server?.close(promise: nil)
        core.remove(self)
    }
}

/// Passes the bytes of one of a pair's channels to the pair.
final class ProxyHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let pair: ProxyPair
    private let direction: ProxyDirection

    init(pair: ProxyPair, direction: ProxyDirection) {
        self.pair = pair
        self.direction = direction
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        pair.read(unwrapInboundIn(data), direction)
    }

    func channelInactive(context: ChannelHandlerContext) {
        pair.close()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        pair.close()
    }
}

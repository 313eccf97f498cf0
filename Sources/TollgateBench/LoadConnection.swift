import DequeModule
import NIOCore
import TollgatePolicy

/// One connection of a run. It sends calls, matches replies in order, and reports latencies. Owned by its channel's
/// event loop.
final class LoadConnection<DialectType: Dialect>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var dialect: DialectType
    private let loop: LoadLoop<DialectType>
    private var context: ChannelHandlerContext?
    private var output = ByteBuffer()
    /// The intended send times of unanswered calls, oldest first.
    private(set) var unanswered = Deque<NIODeadline>()
    private let ready: EventLoopPromise<Void>
    private var isReady = false

    init(dialect: DialectType, loop: LoadLoop<DialectType>, ready: EventLoopPromise<Void>) {
        self.dialect = dialect
        self.loop = loop
        self.ready = ready
    }

    /// Adds a call to the next flush.
    func add(_ call: Workload.Call, intendedAt time: NIODeadline) {
        dialect.write(call, into: &output)
        unanswered.append(time)
    }

    func flush() {
        guard let context, output.readableBytes > 0 else { return }
        let bytes = output
        output = context.channel.allocator.buffer(capacity: bytes.readableBytes)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    func close() {
        context?.close(promise: nil)
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        if dialect.writeHandshake(into: &output) { flush() } else { becomeReady() }
    }

    private func becomeReady() {
        isReady = true
        ready.succeed(())
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let now = NIODeadline.now()
        var (replies, extra) = (0, 0)
        do {
            try dialect.read(unwrapInboundIn(data)) { kind in
                guard let time = unanswered.popFirst() else { return extra += 1 }
                loop.answered(kind, after: now - time, intendedAt: time)
                replies += 1
            }
            if extra > 0 { throw OperatorError("unexpected reply") }
            if !isReady, dialect.isReady { becomeReady() }
            for _ in 0..<replies { loop.sendNext(on: self, at: now) }
        } catch {
            fail(context, OperatorError("\(error)"))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        fail(context, OperatorError("connection closed by the server"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(context, OperatorError("\(error)"))
    }

    private func fail(_ context: ChannelHandlerContext, _ error: OperatorError) {
        ready.fail(error)
        loop.fail(error)
        context.close(promise: nil)
    }
}

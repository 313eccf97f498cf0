import NIOCore
import TollgateCore
import TollgateLedger
import TollgateWire

/// One client: reads requests, hands them on, and writes the replies in their order. Bound to its channel's event loop.
///
/// On the way of a request there is no task, no dictionary and no log call.
final class Session: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A client is not read from while so many of its requests are unanswered.
    static let mostUnanswered = 8_192
    /// A client that names the wrong token so often is disconnected.
    static let mostBadTokens = 5

    let worker: Worker
    var context: ChannelHandlerContext?
    private var input = ByteBuffer()
    var reader = RequestReader()
    var replies = ReplyQueue(allocator: ByteBufferAllocator())
    var isAuthenticated: Bool
    var badTokens = 0

    private var lastRequest = NIODeadline.now()
    private var isHandlingReads = false
    private var isMarkedForFlush = false
    private var wantsRead = false
    private var isReadingStopped = false
    /// Replies still to come are written, nothing more is read, then the connection closes.
    private(set) var isClosing = false

    init(worker: Worker) {
        self.worker = worker
        isAuthenticated = worker.token == nil
    }

    /// What the client speaks.
    var framing: Framing { reader.framing ?? .line }

    // MARK: - Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        worker.add(self)
        isReadingStopped = worker.isShuttingDown
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        worker.remove(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The client is gone, or its socket broke: there is nobody to tell.
        context.close(promise: nil)
    }

    /// Whether no whole request has come since then, and none is being worked on.
    func isIdle(since time: NIODeadline) -> Bool {
        lastRequest < time && replies.count == 0
    }

    /// Closes after what is in the output has been written.
    func close() {
        guard let context else { return }
        flush()
        context.close(promise: nil)
    }

    func stopReading() {
        isReadingStopped = true
    }

    // MARK: - Reading

    func read(context: ChannelHandlerContext) {
        guard mayRead(context) else {
            wantsRead = true
            return
        }
        context.read()
    }

    private func mayRead(_ context: ChannelHandlerContext) -> Bool {
        !isReadingStopped && !isClosing && context.channel.isWritable && replies.count < Self.mostUnanswered
    }

    private func resumeReading() {
        guard wantsRead, let context, mayRead(context) else { return }
        wantsRead = false
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        resumeReading()
        context.fireChannelWritabilityChanged()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        var bytes = unwrapInboundIn(data)
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        isHandlingReads = true
        handleRequests()
        isHandlingReads = false
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        context.fireChannelReadComplete()
    }

    /// The client will send nothing more; it still gets the replies to what it sent.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            closeAfterReplies()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func handleRequests() {
        var isFirst = true
        while !isClosing {
            switch reader.next(from: &input) {
            case .request: handle(reader.request)
            case .refused(let error): refuse(error)
            case .broken(let error):
                refuse(error)
                closeAfterReplies()
            case .needsMore:
                // What is left is part of one frame: it moves to the front when more arrives.
                input.discardReadBytes()
                return
            }
            if isFirst { lastRequest = .now() }
            isFirst = false
        }
    }

    // MARK: - Writing

    /// A reply that is known at once.
    func reply(_ write: (inout ByteBuffer) -> Void) {
        replies.append(write)
        markForFlush()
    }

    /// The reply for a place taken earlier.
    func fill(_ ticket: Int, _ write: (inout ByteBuffer) -> Void) {
        replies.fill(ticket, write)
        markForFlush()
    }

    private func markForFlush() {
        guard !isHandlingReads, !isMarkedForFlush else { return }
        isMarkedForFlush = true
        worker.flushLater(self)
    }

    /// Writes what is ready, in one write.
    func flush() {
        isMarkedForFlush = false
        guard let context else { return }
        if replies.output.readableBytes > 0 {
            let output = replies.takeOutput(allocator: context.channel.allocator)
            context.writeAndFlush(wrapOutboundOut(output), promise: nil)
        }
        if isClosing, replies.count == 0 {
            context.close(promise: nil)
        } else {
            resumeReading()
        }
    }

    func closeAfterReplies() {
        isClosing = true
        if !isHandlingReads { flush() }
    }

    func refuse(_ error: RequestError) {
        worker.counts.errors += 1
        reply { framing.writeError(error, to: &$0) }
    }
}

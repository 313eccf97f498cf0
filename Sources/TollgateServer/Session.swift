import NIOCore
import TollgateCore
import TollgateLedger
import TollgateWire

/// One client: reads requests, hands them on, and writes the replies in their order. Bound to its channel's event loop.
final class Session: ChannelDuplexHandler, RequestOwner {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Requests wait unread while so many of a client's are unanswered: as many as two batches hold, so that one can fill while
    /// the other is under way.
    static let mostUnanswered = 1_024
    /// Requests wait unread while so many bytes of replies have not been handed to the channel.
    static let mostUnwritten = 256 * 1_024
    /// A client that names the wrong token so often is disconnected.
    static let mostBadTokens = 5

    enum Phase {
        /// Takes requests.
        case open
        /// Takes no more requests; the replies to those that came are still to be written.
        case answering
        /// Every reply has been handed to the channel.
        case finishing
        /// Every reply has been written and our side is closed. What still comes is thrown away.
        case lingering
    }

    let worker: Worker
    var context: ChannelHandlerContext?
    // The run-time checks of exclusive access would be a tenth of a request. What runs within an access to one of these three
    // never comes back to it.
    @exclusivity(unchecked) private var input = ByteBuffer()
    @exclusivity(unchecked) var reader = RequestReader()
    @exclusivity(unchecked) var replies = ReplyQueue(allocator: ByteBufferAllocator())
    var isAuthenticated: Bool
    var badTokens = 0
    /// A MULTI was refused, and its EXEC or DISCARD has not come.
    var isInRefusedTransaction = false
    /// Set by ALERTS.
    var alerts: AlertSubscription?

    var phase = Phase.open
    /// The client has said that it sends nothing more.
    private(set) var hasInputEnded = false
    private var isReadingStopped = false
    private var isHandlingRequests = false
    /// `input` holds requests that wait for room, or for the one before them.
    private var isHeldBack = false
    /// The request at hand waits until its scopes have been looked up, or for a batch to go.
    private var isWaiting = false
    private var isMarkedForFlush = false
    private var wantsRead = false
    var lastRequest = NIODeadline.now()

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
        if worker.isShuttingDown { stopReading() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        worker.remove(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The client is gone, or its socket broke: there is nobody to tell.
        context.close(promise: nil)
    }

    /// Whether no whole request has come since then, and none is being worked on. A client that listens for alerts need not ask
    /// for anything, but it has to take what it is sent.
    func isIdle(since time: NIODeadline) -> Bool {
        if alerts != nil, phase == .open, context?.channel.isWritable == true { return false }
        return lastRequest < time && replies.count == 0 && !isWaiting
    }

    // MARK: - Reading

    func read(context: ChannelHandlerContext) {
        wantsRead = true
        resumeReading(context)
    }

    func resumeReading(_ context: ChannelHandlerContext) {
        guard wantsRead, mayRead(context) else { return }
        wantsRead = false
        context.read()
    }

    private func mayRead(_ context: ChannelHandlerContext) -> Bool {
        switch phase {
        case .open: !isReadingStopped && !isHeldBack && hasRoom && context.channel.isWritable
        case .answering, .finishing: false
        case .lingering: true
        }
    }

    private var hasRoom: Bool {
        replies.count < Self.mostUnanswered && replies.output.readableBytes < Self.mostUnwritten
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if alerts != nil { lastRequest = .now() }
        if context.channel.isWritable, phase == .open { flush() }
        context.fireChannelWritabilityChanged()
    }

    /// At the end of a client's side the channel reads all that is left, asked or not; that too waits for room.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard phase == .open else { return }
        var bytes = unwrapInboundIn(data)
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        if !isHeldBack { handleRequests(context) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        context.fireChannelReadComplete()
    }

    /// The client will send nothing more; it still gets the replies to what it sent.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? ChannelEvent, event == .inputClosed else {
            return context.fireUserInboundEventTriggered(event)
        }
        hasInputEnded = true
        if phase == .lingering { return context.close(promise: nil) }
        if !isHeldBack { closeAfterReplies() }
    }

    /// Reads nothing more, answers what has been read, and closes.
    func stopReading() {
        isReadingStopped = true
        if !isHeldBack { closeAfterReplies() }
    }

    /// Handles the requests at hand for as long as there is room for their replies.
    private func handleRequests(_ context: ChannelHandlerContext) {
        isHandlingRequests = true
        defer { isHandlingRequests = false }
        // Nothing is handed to the channel before all requests at hand are handled: it stays as writable as it is.
        isHeldBack = !context.channel.isWritable
        guard !isHeldBack else { return }
        var isFirst = true
        while phase == .open, !isWaiting {
            guard hasRoom else {
                isHeldBack = true
                return
            }
            switch reader.next(from: &input) {
            case .request:
                handleRequest()
                isHeldBack = isWaiting
            case .refused(let error): refuse(error)
            case .broken(let error):
                refuse(error)
                if let traffic = reader.foreignTraffic { noteForeignTraffic(traffic) }
                closeAfterReplies()
            case .needsMore:
                keepRest()
                if hasInputEnded || isReadingStopped { closeAfterReplies() }
                return
            }
            if isFirst { lastRequest = .now() }
            isFirst = false
        }
    }

    /// Those behind it wait too, so that each counts after the one before.
    func wait(for scopes: [Scope]) {
        isWaiting = true
        worker.wait(for: scopes) { [self] failure in
            isWaiting = false
            guard context != nil else { return }
            handleRequest(unknown: failure)
            if !isWaiting { markForFlush() }
        }
    }

    /// Takes no further request until some time has passed, and then does something.
    func pauseRequests(for time: TimeAmount, then body: @escaping () -> Void) {
        isWaiting = true
        worker.eventLoop.assumeIsolated().scheduleTask(in: time) { [self] in
            isWaiting = false
            guard context != nil else { return }
            body()
        }
    }

    func goOn(without unknown: LedgerFailure) {
        handleRequest(unknown: unknown)
    }

    /// What is left is part of one frame. It is kept apart from the large buffer it came in, so that a connection at rest
    /// holds next to nothing.
    private func keepRest() {
        guard input.readerIndex > 0 else { return }
        input = ByteBuffer(bytes: input.readableBytesView)
    }

    // MARK: - Writing

    /// A reply that is known at once.
    func reply(_ write: (inout ByteBuffer) -> Void) {
        replies.append(write)
        markForFlush()
    }

    func reserveReply() -> Int { replies.reserve() }

    func fill(_ ticket: Int, _ write: (inout ByteBuffer) -> Void) {
        replies.fill(ticket, write)
        markForFlush()
    }

    private func markForFlush() {
        guard !isHandlingRequests, !isMarkedForFlush else { return }
        isMarkedForFlush = true
        worker.flushLater(self)
    }

    /// Writes what is ready, in one write; goes on with requests that waited for room.
    func flush() {
        isMarkedForFlush = false
        guard let context else { return }
        writeOutput(context)
        while isHeldBack, !isWaiting, phase == .open, hasRoom, context.channel.isWritable {
            handleRequests(context)
            writeOutput(context)
        }
        if let alerts { advanceAlerts(alerts) }
        if phase == .answering, replies.count == 0 { finish(context) }
        resumeReading(context)
    }

    func writeOutput(_ context: ChannelHandlerContext) {
        guard replies.output.readableBytes > 0 else { return }
        let output = replies.takeOutput(allocator: context.channel.allocator)
        context.writeAndFlush(wrapOutboundOut(output), promise: nil)
    }

    /// Takes no more requests; closes when those that came have been answered.
    func closeAfterReplies() {
        guard phase == .open else { return }
        phase = .answering
        if !isHandlingRequests { flush() }
    }

    func refuse(_ error: RequestError) {
        worker.counts.errors += 1
        reply { framing.writeError(error, to: &$0) }
    }
}

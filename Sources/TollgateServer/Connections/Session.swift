import NIOCore
import TollgateCore
import TollgateLedger
import TollgateWire

/// One client: reads requests, hands them on, and writes the replies in their order. Bound to its channel's event loop.
final class Session: ChannelDuplexHandler, RequestHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Requests wait unread while so many of a client's are unanswered: as many as two batches hold, so that one can fill while
    /// the other is under way.
    static let maxUnanswered = 1_024
    /// Requests wait unread while so many bytes of replies have not been handed to the channel.
    static let maxUnwritten = 256 * 1_024
    /// A request or two.
    private static let fewBytes = 256
    /// A client that names the wrong token so often is disconnected.
    static let maxBadTokens = 5

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
    /// When a MULTI was refused whose EXEC or DISCARD has not come.
    var refusedTransactionSince: NIODeadline?
    /// Set by ALERTS.
    var alerts: AlertSubscription?

    var phase = Phase.open
    /// The client has said that it sends nothing more.
    private(set) var hasInputEnded = false
    private var isReadingStopped = false
    private var isHandlingRequests = false
    /// `input` holds requests that wait for the session's turn, for room, or for the one before them.
    private var isHeldBack = false
    /// The scheduler has the session.
    private var isQueued = false
    /// The client asks for little: nothing was owed to it when the few bytes at hand came.
    private(set) var isFresh = false
    /// The request at hand waits until the ledger has room.
    private var needsRoom = false
    /// The request at hand waits until its scopes have been looked up, or for a batch to go.
    private var isWaiting = false
    private var isMarkedForFlush = false
    private var wantsRead = false
    /// Since when the request at hand waits for its turn, or for room in the ledger.
    private var waitsSince = NIODeadline.now()
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
        return lastRequest < time && replies.count == 0 && !isWaiting && !isQueued
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
        replies.count < Self.maxUnanswered && replies.output.readableBytes < Self.maxUnwritten
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
        guard !isHeldBack else { return }
        waitsSince = .now()
        isFresh = replies.count == 0 && input.readableBytes <= Self.fewBytes
        let share = worker.scheduler.immediateShare(of: self)
        guard share > 0 else {
            isHeldBack = true
            return waitForTurn()
        }
        worker.scheduler.spend(handleRequests(context, atMost: share), by: self)
    }

    private func waitForTurn() {
        isQueued = true
        worker.scheduler.enqueue(self)
    }

    /// Handles requests that waited for the session's turn; returns what they cost.
    func takeTurn(atMost share: Int) -> Int {
        isQueued = false
        guard let context, phase == .open, !isWaiting else { return 0 }
        let isLate = worker.ledger.hasWaitedTooLong(since: waitsSince)
        let cost = handleRequests(context, atMost: share, isLate: isLate)
        if cost > 0 { waitsSince = .now() }
        return cost
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

    /// Handles requests for as long as there is room for their replies, and `share` is not used up; returns what they cost.
    /// `isLate`: the first has waited too long already; then a decision is refused, and what has to be counted is counted.
    private func handleRequests(_ context: ChannelHandlerContext, atMost share: Int, isLate: Bool = false) -> Int {
        isHandlingRequests = true
        defer { isHandlingRequests = false }
        // Nothing is handed to the channel before all requests at hand are handled: it stays as writable as it is.
        isHeldBack = true
        guard context.channel.isWritable else { return 0 }
        var isLate = isLate
        var cost = 0
        while phase == .open, hasRoom {
            guard cost < share else {
                waitForTurn()
                return cost
            }
            switch nextRequest() {
            case .request:
                let verb = reader.request.verb
                guard !isAuthenticated || !verb.needsLedger || worker.ledger.hasRoom else {
                    waitForRoom()
                    return cost
                }
                isFresh = false
                cost += verb.cost(scopes: reader.request.scopes.count)
                lastRequest = waitsSince
                if isLate, isAuthenticated, verb.mayBeShed { shed() } else { handleRequest() }
                isLate = false
                if isWaiting { return cost }
            case .refused(let error):
                isFresh = false
                cost += 1
                lastRequest = waitsSince
                refuse(error)
            case .broken(let error):
                refuse(error)
                if let traffic = reader.foreignTraffic { noteForeignTraffic(traffic) }
                closeAfterReplies()
                return cost
            case .needsMore:
                isHeldBack = false
                keepRest()
                if hasInputEnded || isReadingStopped { closeAfterReplies() }
                return cost
            }
        }
        return cost
    }

    /// The one that has waited for room, or the next of the input.
    private func nextRequest() -> RequestReader.Outcome {
        guard !needsRoom else {
            needsRoom = false
            return .request
        }
        return reader.next(from: &input)
    }

    private func waitForRoom() {
        needsRoom = true
        isQueued = true
        worker.scheduler.enqueueUntilRoom(self)
    }

    private func shed() {
        worker.counts.shed += 1
        refuse(RequestError(.busy, "the request waited too long for its turn"))
    }

    /// Those behind it wait too, so that each counts after the one before.
    func wait(for scopes: [Scope]) {
        wait({ worker.wait(for: scopes, completion: $0) }) { [self] in handleRequest(unknown: $0) }
    }

    func wait(_ begin: (@escaping (LedgerFailure?) -> Void) -> Void, resume: @escaping (LedgerFailure?) -> Void) {
        isWaiting = true
        begin { [self] failure in
            isWaiting = false
            guard context != nil else { return }
            resume(failure)
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

    /// Writes what is ready, in one write; requests that waited for that wait for the session's turn now.
    func flush() {
        isMarkedForFlush = false
        guard let context else { return }
        writeOutput(context)
        if isHeldBack, !isQueued, !isWaiting, !isHandlingRequests, phase == .open, hasRoom, context.channel.isWritable {
            waitsSince = .now()
            waitForTurn()
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

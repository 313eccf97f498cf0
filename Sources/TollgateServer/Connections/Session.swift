import NIOCore
import TollgateCore
import TollgateLedger
import TollgateWire

/// One client connection: reads requests, dispatches them, and writes the replies in order. Bound to its channel's
/// event loop.
final class Session: ChannelDuplexHandler, RequestHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The maximum number of unanswered requests per client. At this number the session stops reading. It is the
    /// capacity of two batches: one can fill while the other is in flight.
    static let maxUnanswered = 1_024
    /// The maximum number of reply bytes not yet handed to the channel. At this number the session stops reading.
    static let maxUnwritten = 256 * 1_024
    /// The number of input bytes up to which a client counts as fresh: a request or two.
    private static let fewBytes = 256

    enum Phase {
        /// Accepts requests.
        case open
        /// Accepts no more requests; some replies are outstanding.
        case answering
        /// All replies have been handed to the channel.
        case finishing
        /// All replies have been written and our side is closed. Input is discarded.
        case lingering
    }

    let worker: Worker
    var context: ChannelHandlerContext?
    // The run-time checks of exclusive access would take a tenth of a request's time. Code that runs within an access
    // to one of these three never accesses it again.
    @exclusivity(unchecked) private(set) var input = ByteBuffer()
    @exclusivity(unchecked) var reader: RequestReader
    @exclusivity(unchecked) var replies = ReplyQueue(allocator: ByteBufferAllocator())
    var isAuthenticated: Bool
    var badTokens = 0
    /// The name and library that a Redis client reports.
    var clientDescription = ClientDescription()
    /// The time at which a MULTI was refused whose EXEC or DISCARD has not come.
    var refusedTransactionSince: NIODeadline?
    /// The subscription to alerts; nil before ALERTS.
    var alerts: AlertSubscription?

    var phase = Phase.open
    /// Whether the client has closed its side.
    private(set) var hasInputEnded = false
    private var isReadingStopped = false
    private var isHandlingRequests = false
    /// Whether `input` holds requests that wait for the session's turn, for room, or for the request before them.
    private(set) var isHeldBack = false
    /// Whether the scheduler has queued the session.
    private(set) var isQueued = false
    /// Whether the client sends little: it had no outstanding replies when its last few bytes came.
    private(set) var isFresh = false
    /// Whether the current request waits for room in the ledger.
    private var needsRoom = false
    /// Whether the current request waits for a lookup, or for a batch to be sent.
    private(set) var isWaiting = false
    private var isMarkedForFlush = false
    private var wantsRead = false
    /// The time since which the current request waits for its turn, or for room in the ledger.
    private var waitingSince = NIODeadline.now()
    /// The time at which the last request was read.
    var lastRequest = NIODeadline.now()
    /// The time without a request after which the connection is closed; nil for none.
    let idleTimeout: TimeAmount?
    /// A request of which only a part has come.
    var halfRequest: HalfRequest?

    init(worker: Worker, idleTimeout: TimeAmount?) {
        self.worker = worker
        self.idleTimeout = idleTimeout
        reader = RequestReader(moneyUnit: worker.ledger.keySpace.moneyUnit)
        isAuthenticated = worker.token == nil
    }

    /// The protocol of the client.
    var framing: Framing { reader.framing ?? .line }

    var session: Session? { self }

    // MARK: - Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        worker.sessions.add(self)
        if worker.isShuttingDown { stopReading() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        worker.alertFanOut.unsubscribe(self)
        worker.sessions.remove(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The client is gone, or its socket is broken.
        context.close(promise: nil)
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

    /// Buffers input. When the client closes its side, the channel delivers the remaining input without a read call;
    /// that input also waits for capacity.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard phase == .open else { return }
        var bytes = unwrapInboundIn(data)
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        guard !isHeldBack else { return }
        waitingSince = .now()
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

    /// Handles requests that waited for the session's turn. Returns their cost.
    func takeTurn(atMost share: Int) -> Int {
        isQueued = false
        guard let context, phase == .open, !isWaiting else { return 0 }
        let isLate = worker.ledger.hasWaitedTooLong(since: waitingSince)
        let cost = handleRequests(context, atMost: share, isLate: isLate)
        if cost > 0 { waitingSince = .now() }
        return cost
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        context.fireChannelReadComplete()
    }

    /// Closes after the replies when the client has closed its side.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? ChannelEvent, event == .inputClosed else {
            return context.fireUserInboundEventTriggered(event)
        }
        hasInputEnded = true
        if phase == .lingering { return context.close(promise: nil) }
        if !isHeldBack { closeAfterReplies() }
    }

    /// Stops reading, answers the requests that were read, and closes.
    func stopReading() {
        isReadingStopped = true
        if !isHeldBack { closeAfterReplies() }
    }

    /// Handles requests while there is room for their replies and `share` is not used up. Returns their cost.
    ///
    /// - Parameter isLate: Whether the first has waited too long. Then a decision is refused; a write is handled all
    ///   the same.
    private func handleRequests(_ context: ChannelHandlerContext, atMost share: Int, isLate: Bool = false) -> Int {
        isHandlingRequests = true
        defer { isHandlingRequests = false }
        // Checked once: nothing is handed to the channel until all of these requests have been handled.
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
                lastRequest = waitingSince
                if isLate, isAuthenticated, verb.mayBeShed { shed() } else { handleRequest() }
                isLate = false
                if isWaiting { return cost }
            case .refused(let error):
                isFresh = false
                cost += 1
                lastRequest = waitingSince
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

    /// Returns the request that has waited for room, or reads the next one.
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
        worker.shed += 1
        refuse(RequestError(.busy, "the request waited too long for its turn"))
    }

    /// Handles the current request again after a lookup. The requests after it wait too, so that all are counted in
    /// order.
    func wait(for scopes: [Scope], onFailure: @escaping (LedgerFailure) -> Void) {
        wait({ worker.wait(for: scopes, completion: $0) }) { [self] failure in
            if let failure { onFailure(failure) } else { handleRequest() }
        }
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

    /// Handles no request for some time, and then runs a body.
    func pauseRequests(for time: TimeAmount, then body: @escaping () -> Void) {
        isWaiting = true
        worker.eventLoop.assumeIsolated().scheduleTask(in: time) { [self] in
            isWaiting = false
            guard context != nil else { return }
            body()
        }
    }

    /// Copies the rest of the input, which is part of one frame, so that an idle connection does not retain a large
    /// buffer.
    private func keepRest() {
        guard input.readerIndex > 0 else { return }
        input = ByteBuffer(bytes: input.readableBytesView)
    }

    // MARK: - Writing

    /// Writes a reply to the current request immediately.
    func reply(_ write: (inout ByteBuffer) -> Void) {
        replies.append(write)
        markForFlush()
    }

    func foldCase(of kinds: Set<String>) { reader.foldCase(of: kinds) }

    func addScope(_ text: [UInt8]) -> Bool { reader.addScope(text) }

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

    /// Writes the replies that are ready, in one write. Requests that waited for this then wait for the session's turn.
    func flush() {
        isMarkedForFlush = false
        guard let context else { return }
        writeOutput(context)
        if isHeldBack, !isQueued, !isWaiting, !isHandlingRequests, phase == .open, hasRoom, context.channel.isWritable {
            waitingSince = .now()
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

    /// Stops accepting requests, and closes when the outstanding ones have been answered.
    func closeAfterReplies() {
        guard phase == .open else { return }
        phase = .answering
        if !isHandlingRequests { flush() }
    }

    func refuse(_ error: RequestError) {
        worker.countError(error.code)
        reply { framing.writeError(error, to: &$0) }
    }
}

package import Logging
package import NIOCore

/// The way to one Redis: at most one connection at a time, made again with growing waits whenever it is lost. Commands
/// may be pipelined; replies come in their order.
///
/// Bound to one event loop: made, called, and calling back there only. Nothing waits for a connection: without one
/// commands fail at once. A started link lives until ``shutdown()``.
package final class RedisLink {
    static let connectTimeout = TimeAmount.seconds(2)
    static let handshakeTimeout = TimeAmount.seconds(2)

    /// Called with the reply, errors of Redis included, or with why there is none. Exactly once.
    package typealias Completion = (Result<RedisReply, RedisError>) -> Void

    /// Where every connection leads.
    package let address: RedisAddress
    /// The loop that owns the link.
    package let eventLoop: any EventLoop
    let requirement: RedisRequirement?
    let logger: Logger

    // Without run-time checks of exclusive access: asked for every operation; its functions are pure and call nobody.
    @exclusivity(unchecked) var state = RedisConnectionState()
    var connection: RedisConnection?
    var handshake: RedisHandshake
    var pending = PendingReplies()
    /// The time of the next scheduled check of deadlines; nil if none is scheduled.
    private var nextDeadlineCheck: NIODeadline?
    var timer: Scheduled<Void>?
    /// The outage as it was logged last, so that a long one is one line and not one an attempt; nil while there is none.
    var loggedOutage: RedisOutage?
    /// Whether this connection has answered a command by other than an error.
    var hasServed = false
    /// Whether functions are called on this connection; otherwise scripts are, as Redis has denied us functions.
    package internal(set) var usesFunctions = true
    /// The library that every new connection offers to Redis, so that no call has to wait for the loading; nil for none.
    package var library: RedisLibrary?
    /// Calls that wait until their library or script has been loaded, by its name.
    var waitingForLoad: [String: [FunctionCall]] = [:]
    /// The SHA-1 of the scripts that this connection has loaded, by the names of the functions that they stand for.
    var scripts: [String: String] = [:]
    private var reportedStatus = RedisLinkStatus.idle
    let closed: EventLoopPromise<Void>

    /// Called on the event loop after the status has changed.
    package var onStateChange: ((RedisLinkStatus) -> Void)?

    /// Called with Redis's sentence when a connection is found to have no right to functions.
    package var onFunctionsDenied: ((String) -> Void)?

    /// Shown every reply first where the link is subscribed to a channel: takes those that answer nothing, and says so.
    var onPublished: ((RedisReply) -> Bool)?

    /// A link that does nothing before ``start()``. A Redis that does not fulfil the requirement is one that cannot be used.
    package init(
        address: RedisAddress, requirement: RedisRequirement? = nil, eventLoop: any EventLoop, logger: Logger
    ) {
        self.address = address
        self.requirement = requirement
        self.eventLoop = eventLoop
        self.logger = logger
        handshake = RedisHandshake(address: address, requirement: requirement)
        closed = eventLoop.makePromise()
    }

    deinit {
        // Only a link that was never started can go without a shutdown; its promise must not.
        if status == .idle { closed.succeed(()) }
    }

    /// What the link is doing.
    package var status: RedisLinkStatus { state.status }

    /// Whether commands can be sent.
    package var isReady: Bool { state.phase == .ready }

    /// The status in a few words, for reports: `ready`, `connecting`, `down: connection refused`.
    package var stateDescription: String { status.description }

    /// Starts to connect, and goes on for as long as it takes. Does nothing the second time.
    package func start() {
        eventLoop.assertInEventLoop()
        perform(state.start())
    }

    /// Sends one whole command, already encoded, and flushes it.
    ///
    /// Fails at once with ``RedisError/notConnected`` when the link is not ready, and with ``RedisError/timedOut`` when the
    /// reply has not arrived by the deadline. The connection stays open: its owner decides whether to give it up.
    package func send(_ command: ByteBuffer, deadline: NIODeadline? = nil, completion: @escaping Completion) {
        eventLoop.assertInEventLoop()
        guard isReady, let connection else { return completion(.failure(.notConnected)) }
        pending.append(deadline: deadline, completion)
        if let deadline { scheduleDeadlineCheck(at: deadline) }
        connection.channel.writeAndFlush(command, promise: nil)
    }

    /// Encodes and sends one command.
    package func send(_ words: [String], deadline: NIODeadline? = nil, completion: @escaping Completion) {
        var command = ByteBuffer()
        RedisCommand.encode(words, into: &command)
        send(command, deadline: deadline, completion: completion)
    }

    // MARK: - Deadlines

    /// The delay until the deadlines are checked again while the socket has unread bytes.
    private static let unreadPause = TimeAmount.milliseconds(1)

    /// One timer serves all commands, so that a command costs none.
    func scheduleDeadlineCheck(at time: NIODeadline) {
        if let nextDeadlineCheck, nextDeadlineCheck <= time { return }
        nextDeadlineCheck = time
        eventLoop.assumeIsolated().scheduleTask(deadline: time) {
            self.nextDeadlineCheck = nil
            self.checkDeadlines()
        }
    }

    /// An event loop runs its timers before it reads its sockets. If it was busy for long, a reply may lie in the socket when
    /// its deadline passes, so a reply is late only if the socket is empty too.
    private func checkDeadlines() {
        guard let earliest = earliestDeadline else { return }
        let now = NIODeadline.now()
        guard earliest <= now else { return scheduleDeadlineCheck(at: earliest) }
        guard connection?.hasUnreadBytes != true else { return scheduleDeadlineCheck(at: now + Self.unreadPause) }
        for completion in pending.expire(at: now) { completion(.failure(.timedOut)) }
        expireWaiting()
        if let next = earliestDeadline { scheduleDeadlineCheck(at: next) }
    }

    private var earliestDeadline: NIODeadline? {
        [pending.earliestDeadline, earliestDeadlineOfWaiting].compactMap(\.self).min()
    }

    /// Logs that a reply has not come in time and that the connection is kept for now.
    package func logLateReply(within deadline: TimeAmount) {
        logger.warning(
            "Redis has not answered within the deadline; if the next answer is late too, the connection is given up",
            metadata: ["address": "\(address)", "deadline": "\(deadline.milliseconds) ms"])
    }

    /// Gives up the present connection, as when a reply does not come in time, and makes a new one after a pause. Those
    /// who wait for replies get ``RedisError/connectionLost(_:)``. Does nothing without a connection.
    package func disconnect(reason: String) {
        eventLoop.assertInEventLoop()
        perform(state.drop(reason, jitter: jitter))
    }

    /// Closes the connection for good; completes when it is closed. Those who wait for replies get
    /// ``RedisError/connectionLost(_:)``.
    package func shutdown() -> EventLoopFuture<Void> {
        eventLoop.assertInEventLoop()
        perform(state.shutdown())
        return closed.futureResult
    }

    // MARK: - What the connection says

    func received(_ reply: RedisReply) {
        guard isReady else {
            return perform(state.handshakeProgressed(handshake.receive(reply), jitter: jitter))
        }
        if let onPublished, onPublished(reply) { return }
        let next = pending.next()
        if case .none = next { return disconnect(reason: "Redis sent a reply without a command") }
        // Before the completion, so that the completion finds out at once that nothing more can be sent.
        if case .error(let sentence) = reply {
            if RedisErrorReply(sentence).endsConnection { disconnect(reason: sentence) }
        } else if !hasServed {
            hasServed = true
            state.served()
        }
        if case .completion(let completion) = next { completion(.success(reply)) }
    }

    // MARK: - State

    var jitter: Double { .random(in: 0...1) }

    func perform(_ actions: [RedisConnectionState.Action]) {
        // Before the actions: they may call back.
        let status = state.status
        for action in actions { perform(action) }
        guard status == state.status, status != reportedStatus else { return }
        reportedStatus = status
        onStateChange?(status)
    }
}

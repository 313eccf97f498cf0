package import Logging
package import NIOCore

/// A client of one Redis with at most one connection, which it re-establishes with exponential backoff.
///
/// Commands may be pipelined; replies complete in the order of the commands. Commands do not wait for a connection:
/// without one they fail immediately. The link is bound to one event loop: it is created and called there, and calls
/// back there. A started link lives until ``shutdown()``.
package final class RedisLink {
    static let connectTimeout = TimeAmount.seconds(2)
    static let handshakeTimeout = TimeAmount.seconds(2)

    /// Called exactly once, with the reply (which may be an error of Redis) or with the reason why there is none.
    package typealias Completion = (Result<RedisReply, RedisError>) -> Void

    /// The address that every connection uses.
    package let address: RedisAddress
    /// The event loop that owns the link.
    package let eventLoop: any EventLoop
    let requirement: RedisRequirement?
    let logger: Logger
    /// The log of connections and outages. Links that share one are logged as one. Set before ``start()``.
    package var log: RedisLinkLog

    // Exempt from run-time exclusivity checks: it is read for every operation, and its functions never call out.
    @exclusivity(unchecked) var state = RedisConnectionState()
    var connection: RedisConnection?
    var handshake: RedisHandshake
    var pending = PendingReplies()
    /// The time of the next scheduled check of deadlines; nil if none is scheduled.
    private var nextDeadlineCheck: NIODeadline?
    var timer: Scheduled<Void>?
    /// Whether this connection has answered a command with something other than an error.
    var hasServed = false
    /// Whether this connection calls functions. It calls scripts once Redis has denied functions.
    package internal(set) var usesFunctions = true
    /// The library that every new connection loads in advance, so that no call has to wait for it; nil for none.
    package var library: RedisLibrary?
    /// Calls that wait until their library or script has been loaded, by the name of that library or function.
    var waitingForLoad: [String: [FunctionCall]] = [:]
    /// The SHA-1 of each script that this connection has loaded, by the name of the function that it replaces.
    var scripts: [String: String] = [:]
    private var reportedStatus = RedisLinkStatus.idle
    /// Whether commands are written without a flush, because others follow (``pipeline(_:)``).
    private var isPipelining = false
    let closed: EventLoopPromise<Void>

    /// Called on the event loop after the status has changed.
    package var onStateChange: ((RedisLinkStatus) -> Void)?

    /// Called with Redis's error when a connection turns out to have no permission for functions.
    package var onFunctionsDenied: ((String) -> Void)?

    /// Called first with every reply on a subscribed link. Returns true for a published message, which answers no command.
    var onPublished: ((RedisReply) -> Bool)?

    /// Creates a link that does nothing before ``start()``. The link rejects a Redis that does not meet the requirement.
    package init(
        address: RedisAddress, requirement: RedisRequirement? = nil, eventLoop: any EventLoop, logger: Logger
    ) {
        self.address = address
        self.requirement = requirement
        self.eventLoop = eventLoop
        self.logger = logger
        log = RedisLinkLog(logger)
        handshake = RedisHandshake(address: address, requirement: requirement)
        closed = eventLoop.makePromise()
    }

    deinit {
        // A link that was never started need not be shut down, but its promise must be completed.
        if status == .idle { closed.succeed(()) }
    }

    /// The status of the connection.
    package var status: RedisLinkStatus { state.status }

    /// The version of the Redis that the link has reached last; nil if Redis does not report it.
    package var redisVersion: String? { handshake.version?.description }

    /// Whether commands can be sent.
    package var isReady: Bool { state.phase == .ready }

    /// A short text of the status for reports: `ready`, `connecting`, `down: connection refused`.
    package var stateDescription: String { status.description }

    /// Starts connecting, and retries until it succeeds. Later calls have no effect.
    package func start() {
        eventLoop.assertInEventLoop()
        perform(state.start())
    }

    /// Sends one complete, encoded command and flushes it.
    ///
    /// Fails immediately with ``RedisError/notConnected`` when the link is not ready, and with ``RedisError/timedOut``
    /// when the reply has not arrived by the deadline. The connection stays open: the caller decides whether to close
    /// it.
    package func send(_ command: ByteBuffer, deadline: NIODeadline? = nil, completion: @escaping Completion) {
        eventLoop.assertInEventLoop()
        guard isReady, let connection else { return completion(.failure(.notConnected)) }
        pending.append(deadline: deadline, completion)
        if let deadline { scheduleDeadlineCheck(at: deadline) }
        if isPipelining {
            connection.channel.write(command, promise: nil)
        } else {
            connection.channel.writeAndFlush(command, promise: nil)
        }
    }

    /// Sends the commands of `body` together, so that they take one write and Redis reads them at once.
    package func pipeline(_ body: () -> Void) {
        eventLoop.assertInEventLoop()
        isPipelining = true
        body()
        isPipelining = false
        connection?.channel.flush()
    }

    /// Encodes and sends one command.
    package func send(_ words: [String], deadline: NIODeadline? = nil, completion: @escaping Completion) {
        send(RedisCommand.encoded(words), deadline: deadline, completion: completion)
    }

    // MARK: - Deadlines

    /// The delay until the deadlines are checked again while the socket has unread bytes.
    private static let unreadPause = TimeAmount.milliseconds(1)

    /// Schedules one timer for the deadlines of all commands, so that a command needs no timer of its own.
    func scheduleDeadlineCheck(at time: NIODeadline) {
        if let nextDeadlineCheck, nextDeadlineCheck <= time { return }
        nextDeadlineCheck = time
        eventLoop.assumeIsolated().scheduleTask(deadline: time) {
            self.nextDeadlineCheck = nil
            self.checkDeadlines()
        }
    }

    /// Fails the commands whose deadline has passed.
    ///
    /// An event loop runs its timers before it reads its sockets. If the loop was busy, a reply may already be in the socket
    /// when its deadline passes. So a reply is late only if the socket is empty too.
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

    /// Logs that a reply is late and that the connection stays open for now.
    package func logLateReply(within deadline: TimeAmount) {
        logger.warning(
            "no reply from Redis within the deadline; another late reply closes the connection",
            metadata: ["address": "\(address)", "deadline": "\(deadline.milliseconds) ms"])
    }

    /// Closes the current connection, for example after a late reply, and reconnects after a delay.
    ///
    /// Pending commands fail with ``RedisError/connectionLost(_:)``. Has no effect without a connection.
    package func disconnect(reason: String) {
        eventLoop.assertInEventLoop()
        perform(state.drop(reason, jitter: jitter))
    }

    /// Closes the connection permanently. The returned future completes when it is closed.
    ///
    /// Pending commands fail with ``RedisError/connectionLost(_:)``.
    package func shutdown() -> EventLoopFuture<Void> {
        eventLoop.assertInEventLoop()
        perform(state.shutdown())
        return closed.futureResult
    }

    // MARK: - Replies

    /// Handles a reply of the connection: one to the handshake, to a command, or a published message.
    func received(_ reply: RedisReply) {
        guard isReady else {
            return perform(state.handshakeProgressed(handshake.receive(reply), jitter: jitter))
        }
        if let onPublished, onPublished(reply) { return }
        let next = pending.next()
        if case .none = next { return disconnect(reason: "Redis sent a reply without a command") }
        // Before the completion, so that it already sees a closed connection.
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

    /// Performs the actions of a state transition, then reports a changed status.
    func perform(_ actions: [RedisConnectionState.Action]) {
        // Read before the actions, which may call back and change it.
        let status = state.status
        for action in actions { perform(action) }
        guard status == state.status, status != reportedStatus else { return }
        reportedStatus = status
        onStateChange?(status)
    }
}

extension TimeAmount {
    /// The amount in milliseconds, rounded down.
    package var milliseconds: Int64 { nanoseconds / 1_000_000 }
}

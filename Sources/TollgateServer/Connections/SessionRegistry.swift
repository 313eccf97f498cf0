import NIOCore

/// The open sessions of one event loop. Closes those that are idle or stalled, and all of them at the end. Owned by that loop.
final class SessionRegistry {
    private let eventLoop: any EventLoop
    private let timeWhenFull: TimeAmount?
    private let stallTimeout: TimeAmount
    /// The interval of checks.
    private let checkInterval: TimeAmount
    /// Whether connections are refused at the limit. Set once, before the first connection.
    var isFull: () -> Bool = { false }
    /// The time that a shutdown waits for replies, and for clients to read them.
    private let drainTimeout: TimeAmount
    private let needsToken: Bool
    private let unauthenticated: UnauthenticatedSessions
    private var sessions: [ObjectIdentifier: Session] = [:]
    private var idleCheck: Scheduled<Void>?
    private var lastSessionClosed: EventLoopPromise<Void>?
    /// Whether the shutdown has begun.
    private(set) var isClosing = false

    init(eventLoop: any EventLoop, settings: ServerSettings) {
        self.eventLoop = eventLoop
        timeWhenFull = settings.idleTimeout.timeWhenFull.map { TimeAmount($0) }
        stallTimeout = TimeAmount(settings.stallTimeout)
        // Four checks within the shortest timeout: a connection is closed at most a quarter of it late.
        let shortest = min(stallTimeout, timeWhenFull ?? stallTimeout)
        checkInterval = .nanoseconds(max(shortest.nanoseconds / 4, 5_000_000))
        drainTimeout = TimeAmount(settings.deadline) + .seconds(5)
        needsToken = settings.token != nil
        unauthenticated = UnauthenticatedSessions(
            eventLoop: eventLoop, timeout: TimeAmount(settings.authenticationTimeout))
    }

    var count: Int { sessions.count }

    func add(_ session: Session) {
        sessions[ObjectIdentifier(session)] = session
        if needsToken { unauthenticated.add(session) }
    }

    func remove(_ session: Session) {
        unauthenticated.remove(session)
        sessions[ObjectIdentifier(session)] = nil
        guard sessions.isEmpty, let closed = lastSessionClosed else { return }
        lastSessionClosed = nil
        closed.succeed(())
    }

    /// Ends the deadline of a session for its AUTH.
    func authenticated(_ session: Session) {
        unauthenticated.remove(session)
    }

    // MARK: - Idle sessions

    /// Starts the idle check.
    func start() {
        idleCheck = eventLoop.assumeIsolated().scheduleTask(in: checkInterval) {
            self.closeIdleSessions()
            self.start()
        }
    }

    private func closeIdleSessions() {
        let now = NIODeadline.now()
        let timeWhenFull = isFull() ? timeWhenFull : nil
        for session in Array(sessions.values)
        where session.isOverdue(at: now, timeWhenFull: timeWhenFull, stallTimeout: stallTimeout) {
            session.closeIdle()
        }
    }

    // MARK: - Shutdown

    /// Stops reading on all sessions and closes each when it has been answered, or after the drain timeout. The future
    /// succeeds when the last one is closed.
    func closeAll() -> EventLoopFuture<Void> {
        isClosing = true
        let closed = eventLoop.makePromise(of: Void.self)
        if sessions.isEmpty { closed.succeed(()) } else { lastSessionClosed = closed }
        for session in Array(sessions.values) { session.stopReading() }
        let timeout = eventLoop.assumeIsolated().scheduleTask(in: drainTimeout) {
            for session in Array(self.sessions.values) { session.close() }
        }
        return closed.futureResult.assumeIsolated().map {
            timeout.cancel()
            self.idleCheck?.cancel()
        }.nonisolated()
    }
}

/// The sessions of one event loop that have not sent the token yet. Closes those that take too long. Owned by that
/// loop.
private final class UnauthenticatedSessions {
    private let eventLoop: any EventLoop
    private let timeout: TimeAmount
    private var sessions: [ObjectIdentifier: (session: Session, since: NIODeadline)] = [:]
    private var check: Scheduled<Void>?

    init(eventLoop: any EventLoop, timeout: TimeAmount) {
        self.eventLoop = eventLoop
        self.timeout = timeout
    }

    func add(_ session: Session) {
        sessions[ObjectIdentifier(session)] = (session, .now())
        if check == nil { scheduleCheck() }
    }

    /// Removes a session that has authenticated or was closed.
    func remove(_ session: Session) {
        guard sessions.removeValue(forKey: ObjectIdentifier(session)) != nil, sessions.isEmpty else { return }
        check?.cancel()
        check = nil
    }

    /// Schedules four checks within the timeout: a connection is closed at most a quarter of it late.
    private func scheduleCheck() {
        let interval = TimeAmount.nanoseconds(max(timeout.nanoseconds / 4, 1_000_000))
        check = eventLoop.assumeIsolated().scheduleTask(in: interval) {
            self.check = nil
            self.closeLate()
            if !self.sessions.isEmpty, self.check == nil { self.scheduleCheck() }
        }
    }

    private func closeLate() {
        let latest = NIODeadline.now() - timeout
        for (session, since) in Array(sessions.values) where since <= latest { session.closeUnauthenticated() }
    }
}

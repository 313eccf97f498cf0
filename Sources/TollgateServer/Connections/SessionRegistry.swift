import NIOCore

/// The sessions of one event loop that have not named the token, and closes those that take too long. Owned by that loop.
final class UnauthenticatedSessions {
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

    /// The session has named the token, or is gone.
    func remove(_ session: Session) {
        guard sessions.removeValue(forKey: ObjectIdentifier(session)) != nil, sessions.isEmpty else { return }
        check?.cancel()
        check = nil
    }

    /// Four times within the timeout: a connection is closed at most a quarter of it late.
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

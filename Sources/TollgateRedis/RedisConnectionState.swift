/// The life of a link's connection as a value: events go in, and what is to be done comes out, in that order.
///
///     idle → connecting → handshaking → ready
///               ↑  ↓           ↓          ↓
///              backingOff ←────┴──────────┘          any → (closing →) closed
///
/// `jitter` is a random number of 0...1, given from outside so that nothing here is left to chance.
struct RedisConnectionState {
    enum Phase: Equatable {
        case idle
        case connecting
        case handshaking
        case ready
        case backingOff
        /// Shut down, but a connection is still being made or closed.
        case closing
        case closed
    }

    enum Action: Equatable {
        case connect
        case sendHandshake
        case becomeReady
        case closeChannel
        case scheduleRetry(after: Duration)
        case cancelRetry
        /// Comes last but for `finish`, as those who wait may call the link in return.
        case failPending(reason: String)
        case finish
    }

    static let backoff = Backoff(shortest: .milliseconds(50), longest: .seconds(1))

    private(set) var phase = Phase.idle
    /// Why there is no connection; nil before the first failure and while ready.
    private(set) var outage: RedisOutage?
    /// Attempts in a row that came to nothing. Being let in is not enough to forget them: a Redis that answers the
    /// handshake and then no command would be tried without a pause.
    private var failures = 0

    var status: RedisLinkStatus {
        switch phase {
        case .idle: return .idle
        case .ready: return .ready
        case .closing, .closed: return .closed
        case .connecting, .handshaking, .backingOff:
            guard let outage else { return .connecting }
            if outage.isUnsupported { return .unsupported(reason: outage.reason) }
            return outage.isRefusal ? .refused(reason: outage.reason) : .down(reason: outage.reason)
        }
    }

    mutating func start() -> [Action] {
        guard phase == .idle else { return [] }
        phase = .connecting
        return [.connect]
    }

    mutating func connected() -> [Action] {
        switch phase {
        case .connecting:
            phase = .handshaking
            return [.sendHandshake]
        case .idle, .handshaking, .ready, .backingOff, .closing, .closed:
            return [.closeChannel]
        }
    }

    mutating func connectFailed(_ reason: String, jitter: Double) -> [Action] {
        switch phase {
        case .connecting: return backOff(RedisOutage(reason), jitter: jitter)
        case .closing: return finish()
        case .idle, .handshaking, .ready, .backingOff, .closed: return []
        }
    }

    mutating func handshakeProgressed(_ progress: RedisHandshake.Progress, jitter: Double) -> [Action] {
        guard phase == .handshaking else { return [] }
        switch progress {
        case .underWay: return []
        case .refused(let outage): return [.closeChannel] + backOff(outage, jitter: jitter)
        case .complete:
            phase = .ready
            outage = nil
            return [.becomeReady]
        }
    }

    /// A command was answered by other than an error: the connection is good for something.
    mutating func served() {
        if phase == .ready { failures = 0 }
    }

    mutating func handshakeTimedOut(jitter: Double) -> [Action] {
        guard phase == .handshaking else { return [] }
        return [.closeChannel] + backOff(RedisOutage("no answer to the handshake"), jitter: jitter)
    }

    /// The connection went away by itself.
    mutating func lost(_ reason: String, jitter: Double) -> [Action] {
        switch phase {
        case .handshaking: return backOff(RedisOutage(reason), jitter: jitter)
        case .ready: return backOff(RedisOutage(reason), jitter: jitter) + [.failPending(reason: reason)]
        case .idle, .connecting, .backingOff, .closing, .closed: return []
        }
    }

    /// The connection is there but of no more use.
    mutating func drop(_ reason: String, jitter: Double) -> [Action] {
        switch phase {
        case .handshaking, .ready: return [.closeChannel] + lost(reason, jitter: jitter)
        case .idle, .connecting, .backingOff, .closing, .closed: return []
        }
    }

    mutating func retryElapsed() -> [Action] {
        guard phase == .backingOff else { return [] }
        phase = .connecting
        return [.connect]
    }

    mutating func shutdown() -> [Action] {
        switch phase {
        case .idle: return finish()
        case .backingOff: return [.cancelRetry] + finish()
        case .connecting:
            phase = .closing
            return []
        case .handshaking, .ready:
            phase = .closing
            return [.closeChannel, .failPending(reason: "shutting down")]
        case .closing, .closed: return []
        }
    }

    /// A channel that we closed is closed.
    mutating func channelClosed() -> [Action] {
        phase == .closing ? finish() : []
    }

    private mutating func backOff(_ outage: RedisOutage, jitter: Double) -> [Action] {
        phase = .backingOff
        self.outage = outage
        failures += 1
        let jittered = Self.backoff.delay(afterFailures: failures, share: jitter)
        let wait = outage.needsPerson ? Self.backoff.longest : jittered
        return [.scheduleRetry(after: wait)]
    }

    private mutating func finish() -> [Action] {
        phase = .closed
        return [.finish]
    }
}

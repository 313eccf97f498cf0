import TollgateCore

/// The state machine of a link's connection. Each event returns the actions to perform, in order.
///
///     idle → connecting → handshaking → ready
///               ↑  ↓           ↓          ↓
///              backingOff ←────┴──────────┘          any → (closing →) closed
///
/// `jitter` is a random number in 0...1. The caller passes it in, so that the state machine is deterministic.
struct RedisConnectionState {
    enum Phase: Equatable {
        case idle
        case connecting
        case handshaking
        case ready
        case backingOff
        /// Shutting down, while a connection is still being opened or closed.
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
        /// Precedes only `finish`, because completions may call the link.
        case failPending(reason: String)
        case finish
    }

    static let backoff = Backoff(minDelay: .milliseconds(50), maxDelay: .seconds(1))

    private(set) var phase = Phase.idle
    /// The reason why there is no connection; nil before the first failure and while ready.
    private(set) var outage: RedisOutage?
    /// The number of consecutive failed attempts.
    ///
    /// A successful handshake does not reset it: otherwise a Redis that completes the handshake but serves no command would
    /// be reconnected without a pause.
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

    /// Resets the backoff after Redis has answered a command with something other than an error.
    mutating func served() {
        if phase == .ready { failures = 0 }
    }

    mutating func handshakeTimedOut(jitter: Double) -> [Action] {
        guard phase == .handshaking else { return [] }
        return [.closeChannel] + backOff(RedisOutage("no answer to the handshake"), jitter: jitter)
    }

    /// Handles a connection that Redis or the network has closed.
    mutating func lost(_ reason: String, jitter: Double) -> [Action] {
        switch phase {
        case .handshaking: return backOff(RedisOutage(reason), jitter: jitter)
        case .ready: return backOff(RedisOutage(reason), jitter: jitter) + [.failPending(reason: reason)]
        case .idle, .connecting, .backingOff, .closing, .closed: return []
        }
    }

    /// Closes a connection that is open but unusable.
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

    /// Handles the completed close of a channel that the link has closed.
    mutating func channelClosed() -> [Action] {
        phase == .closing ? finish() : []
    }

    private mutating func backOff(_ outage: RedisOutage, jitter: Double) -> [Action] {
        phase = .backingOff
        self.outage = outage
        failures += 1
        let jittered = Self.backoff.delay(afterFailures: failures, jitter: jitter)
        let delay = outage.needsOperator ? Self.backoff.maxDelay : jittered
        return [.scheduleRetry(after: delay)]
    }

    private mutating func finish() -> [Action] {
        phase = .closed
        return [.finish]
    }
}

package import NIOCore
import TollgateCore
import TollgateRedis

/// When requests are sent to Redis, and when they are answered without it.
extension Ledger {
    /// Whether operations can be sent.
    package var isReady: Bool { circuit.state == .closed && link.isReady }

    /// In a few words, for reports: `ready`, `probing`, `connecting`, `down: connection refused`.
    package var stateDescription: String {
        guard link.isReady else { return link.stateDescription }
        return isReady ? link.stateDescription : "probing"
    }

    /// Why operations cannot be sent now. A Redis that refuses our password is no outage: nothing passes on its account.
    package var noConnection: LedgerFailure {
        switch link.status {
        case .refused(let reason): .refused("Redis refuses the connection: \(reason)")
        case .unsupported(let reason): .unsupported(reason)
        case .idle, .connecting, .ready, .down, .closed: .unavailable(stateDescription)
        }
    }

    /// What was sent at `time` beside the batches has not been answered in time.
    package func replyIsLate(sentAt time: NIODeadline) {
        act(on: circuit.replyIsLate(sentAt: time, now: .now()))
    }

    func act(on verdict: CircuitBreaker.Verdict) {
        switch verdict {
        case .sameStall: break
        case .first:
            link.logLateReply(within: deadline)
            tryConnection()
        case .opened: giveUpConnection()
        }
    }

    /// After two replies in a row that did not come in time. Replies come in order: none of those behind can be waited for.
    func giveUpConnection() {
        link.disconnect(reason: "no reply within \(deadline.milliseconds) ms")
    }

    /// Finds out, also where nothing else is asked, whether a connection that owes a reply is still good.
    private func tryConnection() {
        var deadline: ReplyDeadline?
        deadline = ReplyDeadline(self) {
            if let deadline { self.replyIsLate(sentAt: deadline.sentAt) }
        }
        ping { _ in
            deadline?.cancel()
            deadline = nil
        }
    }

    private func ping(completion: @escaping (Result<RedisReply, RedisError>) -> Void) {
        var ping = ByteBuffer()
        RedisCommand.encode("PING", into: &ping)
        link.send(ping, completion: completion)
    }

    /// Redis's time as a reply had it, Unix ms.
    package func redisSaid(_ milliseconds: Int64) {
        clock.redisSaid(milliseconds)
    }

    func linkChanged(to status: RedisLinkStatus) {
        circuit.connectionEnded()
        switch status {
        case .idle, .connecting: break
        case .down, .refused, .unsupported, .closed: endStart()
        case .ready:
            let pause = circuit.pauseBeforeProbe()
            guard pause > 0 else { return probe() }
            eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(pause)) { self.probe() }
        }
    }

    private func probe() {
        guard link.isReady, circuit.state == .open else { return }
        circuit.probeSent()
        let deadline = ReplyDeadline(self) { self.giveUpConnection() }
        // Replies come in order: a ledger that is ready knows the keys.
        readReservationKeys { _ in }
        ping { result in
            deadline.cancel()
            guard case .success(let reply) = result, !reply.isError else { return self.giveUpConnection() }
            self.circuit.probeAnswered()
            self.endStart()
            self.flush()
            self.onReady()
        }
    }
}

extension RedisReply {
    fileprivate var isError: Bool {
        if case .error = self { true } else { false }
    }
}

package import NIOCore
import TollgateCore
import TollgateRedis

/// Deciding when operations are sent to Redis and when they are answered without it.
extension Ledger {
    /// Whether operations can be sent.
    package var isReady: Bool { circuit.state == .closed && link.isReady }

    /// The state in a few words, for reports: `ready`, `probing`, `connecting`, `down: connection refused`.
    package var stateDescription: String {
        guard link.isReady else { return link.stateDescription }
        return isReady ? link.stateDescription : "probing"
    }

    /// The reason why operations cannot be sent now. A Redis that refuses the password is not an outage, so nothing passes.
    package var noConnection: LedgerFailure { .noConnection(link.status, stateDescription) }

    /// Records that the reply to a command sent at `time` is late.
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

    /// Closes the connection after two late replies in a row. Replies come in order, so no later ones can be awaited.
    private func giveUpConnection() {
        link.disconnect(reason: "no reply within \(deadline.milliseconds) ms")
    }

    /// Pings Redis after a late reply, so that a broken connection is noticed even if nothing else is sent.
    private func tryConnection() {
        let sentAt = NIODeadline.now()
        link.send(["PING"], deadline: sentAt + deadline) { result in
            if case .failure(.timedOut) = result { self.replyIsLate(sentAt: sentAt) }
        }
    }

    /// Adjusts the estimate of Redis's clock to the time of a reply, Unix ms.
    package func redisSaid(_ milliseconds: Int64) {
        clock.synchronize(with: milliseconds)
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
        // Replies come in order, so a ledger that is ready knows the keys.
        keyring.read { _ in }
        link.send(["PING"], deadline: .now() + deadline) { result in
            switch result {
            case .success(.error), .failure: return self.giveUpConnection()
            case .success: break
            }
            self.circuit.probeAnswered()
            self.endStart()
            self.flush()
            self.onReady()
        }
    }
}

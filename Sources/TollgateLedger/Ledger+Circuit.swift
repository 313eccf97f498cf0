import NIOCore
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

    /// A look-up got no reply in time: as when a batch gets none.
    func lookupTimedOut() {
        circuit.batchTimedOut()
        giveUpConnection()
    }

    /// Redis's time as a reply had it, Unix ms.
    func redisSaid(_ milliseconds: Int64) {
        clock.redisSaid(milliseconds)
    }

    func linkChanged(to status: RedisLinkStatus) {
        circuit.connectionEnded()
        guard status == .ready else { return }
        let pause = circuit.pauseBeforeProbe()
        guard pause > 0 else { return probe() }
        eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(pause)) { self.probe() }
    }

    private func probe() {
        guard link.isReady, circuit.state == .open else { return }
        circuit.probeSent()
        var isAnswered = false
        let timeout = eventLoop.assumeIsolated().scheduleTask(in: deadline) {
            if !isAnswered { self.giveUpConnection() }
        }
        var ping = ByteBuffer()
        RedisCommand.encode("PING", into: &ping)
        link.send(ping) { result in
            isAnswered = true
            timeout.cancel()
            guard case .success(let reply) = result, !reply.isError else { return self.giveUpConnection() }
            self.circuit.probeAnswered()
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

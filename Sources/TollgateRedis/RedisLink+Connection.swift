import Logging
import NIOCore
import NIOPosix

/// Carries out what the state machine says.
extension RedisLink {
    func perform(_ action: RedisConnectionState.Action) {
        switch action {
        case .connect: connect()
        case .sendHandshake: sendHandshake()
        case .becomeReady: becomeReady()
        case .closeChannel: closeChannel()
        case .scheduleRetry(let delay): scheduleRetry(after: delay)
        case .cancelRetry: timer?.cancel()
        case .failPending(let reason): failPending(reason)
        case .finish: closed.succeed(())
        }
    }

    private func connect() {
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(Self.connectTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(RedisConnection(channel: channel))
                }
            }
        let attempt =
            switch address.endpoint {
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            }
        attempt.assumeIsolated().whenComplete { result in
            do {
                try self.adopt(result.get())
            } catch {
                self.perform(self.state.connectFailed(RedisConnection.reason(of: error), jitter: self.jitter))
            }
        }
    }

    /// A host name can lead to several attempts at once, each with a channel: only the one that won is told about us.
    private func adopt(_ channel: any Channel) throws {
        let connection = try channel.pipeline.syncOperations.handler(type: RedisConnection.self)
        guard channel.isActive else { throw ChannelError.eof }
        self.connection = connection
        connection.attach(to: self)
        perform(state.connected())
    }

    private func sendHandshake() {
        guard let connection else { return }
        handshake = RedisHandshake(address: address, requirement: requirement)
        var bytes = ByteBuffer()
        handshake.encode(into: &bytes)
        connection.channel.writeAndFlush(bytes, promise: nil)
        timer = eventLoop.assumeIsolated().scheduleTask(in: Self.handshakeTimeout) {
            self.perform(self.state.handshakeTimedOut(jitter: self.jitter))
        }
    }

    private func becomeReady() {
        timer?.cancel()
        hasServed = false
        usesFunctions = true
        scripts = [:]
        loggedOutage = nil
        logger.info("connected to Redis", metadata: ["address": "\(address)"])
        if let library { offer(library) }
    }

    private func closeChannel() {
        timer?.cancel()
        guard let connection else { return }
        self.connection = nil
        connection.detach()
        connection.channel.close().assumeIsolated().whenComplete { _ in
            self.perform(self.state.channelClosed())
        }
    }

    private func scheduleRetry(after delay: Duration) {
        timer?.cancel()
        logOutage()
        timer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) {
            self.perform(self.state.retryElapsed())
        }
    }

    private func logOutage() {
        // One that a person has to end is logged also where another came before.
        guard let outage = state.outage, loggedOutage.map({ $0.needsPerson != outage.needsPerson }) ?? true else {
            return
        }
        loggedOutage = outage
        let what =
            if outage.isUnsupported {
                "Redis cannot be used"
            } else {
                outage.isRefusal ? "Redis refuses our credentials" : "no connection to Redis"
            }
        logger.log(
            level: outage.isRefusal ? .error : .warning, "\(what); trying again until there is one",
            metadata: ["address": "\(address)", "reason": "\(outage.reason)"])
    }

    /// Empties the queue first: a completion may send again at once.
    private func failPending(_ reason: String) {
        for completion in pending.removeAll() { completion(.failure(.connectionLost(reason))) }
    }

    /// The connection went away by itself.
    func connectionEnded(_ reason: String) {
        connection = nil
        timer?.cancel()
        perform(state.lost(reason, jitter: jitter))
    }
}

import Logging
import NIOCore
import NIOPosix

/// The actions of the connection's state machine.
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
        case .finish:
            log.closed(self)
            closed.succeed(())
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

    /// Uses a connected channel. A host name can cause several attempts in parallel; only the winning channel is attached.
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
        log.connected(self)
        if let library { preload(library) }
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
        if let outage = state.outage { log.failed(self, outage) }
        timer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) {
            self.perform(self.state.retryElapsed())
        }
    }

    /// Fails all pending commands. Empties the queue first, because a completion may send again immediately.
    private func failPending(_ reason: String) {
        for completion in pending.removeAll() { completion(.failure(.connectionLost(reason))) }
    }

    /// Handles a connection that Redis or the network has closed.
    func connectionEnded(_ reason: String) {
        connection = nil
        timer?.cancel()
        perform(state.lost(reason, jitter: jitter))
    }
}

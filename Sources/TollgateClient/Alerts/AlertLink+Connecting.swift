import NIOCore
import NIOPosix
import TollgateWire

extension AlertLink {
    /// Opens a connection without automatic reads.
    func connect() {
        state = .connecting
        let link = NIOLoopBound(self, eventLoop: eventLoop)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(deadline)
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AlertChannelHandler(link: link.value))
                }
            }
        bootstrap.connect(to: address).hop(to: eventLoop).assumeIsolated().whenComplete { result in
            guard let channel = try? result.get(),
                let handler = try? channel.pipeline.syncOperations.handler(type: AlertChannelHandler.self)
            else { return self.disconnected(nil) }
            self.opened(Connection(channel: channel, handler: handler))
        }
    }

    private func opened(_ connection: Connection) {
        guard case .connecting = state else { return connection.channel.close(promise: nil) }
        guard connection.channel.isActive else { return disconnected(nil) }
        guard let token else { return resolveCursor(connection) }
        sendHandshake(connection, .auth) { RequestWriter.writeAuth(token, to: &$0) }
    }

    /// Requests the current cursor if the link has none, so that it misses nothing if the connection is lost before the
    /// first message.
    private func resolveCursor(_ connection: Connection) {
        if cursor == nil {
            sendHandshake(connection, .status) { RequestWriter.write(.status, to: &$0) }
        } else {
            subscribe(connection)
        }
    }

    private func subscribe(_ connection: Connection) {
        var line = ByteBuffer()
        RequestWriter.writeAlerts(after: cursor, to: &line)
        do throws(TollgateClientError) {
            try ScopedRequest.checkReadable(line, Amounts())
        } catch {
            state = .handshaking(connection, .alerts)
            return fail(error)
        }
        sendHandshake(connection, .alerts) { $0 = line }
    }

    private func sendHandshake(_ connection: Connection, _ step: HandshakeStep, _ write: (inout ByteBuffer) -> Void) {
        state = .handshaking(connection, step)
        var request = ByteBuffer()
        write(&request)
        connection.channel.writeAndFlush(request, promise: nil)
        connection.channel.read()
        eventLoop.assumeIsolated().scheduleTask(in: deadline) {
            guard case .handshaking(let current, let awaited) = self.state, awaited == step,
                current.handler === connection.handler
            else { return }
            self.disconnected(connection.handler)
        }
    }

    /// Handles a line from the sidecar.
    func handleLine(_ line: String, from handler: AlertChannelHandler) {
        switch state {
        case .handshaking(let connection, let step) where connection.handler === handler:
            handleReply(line, to: step, connection)
        case .listening(let connection) where connection.handler === handler: handlePush(line, from: connection)
        default: break
        }
    }

    private func handleReply(_ line: String, to step: HandshakeStep, _ connection: Connection) {
        switch (step, ReplyParser.reply(in: line)) {
        case (.auth, .ok): resolveCursor(connection)
        case (.status, .json(let json)):
            // The sidecar has no cursor yet, so it pushes nothing either. The link retries, because it needs a cursor
            // to resume from.
            guard let newest = SidecarInfo.cursor(in: json) else { return disconnected(connection.handler) }
            cursor = newest
            subscribe(connection)
        case (.alerts, .ok): listen(connection)
        case (_, .error(let code, let sentence)):
            let error = TollgateClientError.refused(code: code, sentence: sentence)
            if error.isTransient { disconnected(connection.handler) } else { fail(error) }
        default: disconnected(connection.handler)
        }
    }
}

import DequeModule
import NIOCore
import NIOPosix
import TollgateWire

extension ClientLink {
    /// Opens a connection. If that fails, all waiting calls fail.
    func connect() {
        state = .connecting(nil)
        let link = NIOLoopBound(self, eventLoop: eventLoop)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(deadline)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ClientHandler(link: link.value))
                }
            }
        bootstrap.connect(to: address).hop(to: eventLoop).assumeIsolated().whenComplete { result in
            do {
                let channel = try result.get()
                let handler = try channel.pipeline.syncOperations.handler(type: ClientHandler.self)
                self.opened(Connection(channel: channel, handler: handler))
            } catch {
                self.notOpened(error)
            }
        }
    }

    private func notOpened(_ error: any Error) {
        guard case .connecting = state else { return }
        fail(.unavailable("\(address): \(ConnectionProblem.words(for: error))"))
    }

    private func opened(_ connection: Connection) {
        guard case .connecting = state, connection.channel.isActive else {
            connection.channel.close(promise: nil)
            return notOpened(ChannelError.ioOnClosedChannel)
        }
        guard let token else { return becomeReady(connection) }
        state = .connecting(connection)
        var request = ByteBuffer()
        RequestWriter.writeAuth(token, to: &request)
        connection.channel.writeAndFlush(request, promise: nil)
        eventLoop.assumeIsolated().scheduleTask(in: deadline) {
            guard case .connecting(let current?) = self.state, current.handler === connection.handler else { return }
            self.lost(connection.handler, because: "no reply to AUTH")
            connection.channel.close(promise: nil)
        }
    }

    /// Handles the reply to AUTH.
    func authenticated(_ connection: Connection, _ line: String) {
        switch ReplyParser.reply(in: line) {
        case .ok: return becomeReady(connection)
        case .error(let code, let sentence): fail(.refused(code: code, sentence: sentence))
        default: fail(.unavailable("\(address): no reply to AUTH"))
        }
        connection.channel.close(promise: nil)
    }

    private func becomeReady(_ connection: Connection) {
        state = .ready(connection)
        while let call = waiting.popFirst() {
            if !call.isFinished { send(call) }
        }
    }
}

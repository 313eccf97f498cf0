import DequeModule
import NIOCore
import NIOPosix
import Synchronization
import TollgateWire

/// The connection of a client. It connects when a call needs it, pipelines calls, and matches replies to calls in
/// order. Confined to `eventLoop`.
final class ClientLink {
    /// The maximum number of calls without a reply.
    static let maxCalls = 65_536

    enum State {
        case idle
        /// Connecting or authenticating. Calls wait in `waiting`.
        case connecting(Connection?)
        case ready(Connection)
        case shutDown
    }

    struct Connection {
        var channel: any Channel
        var handler: ClientHandler
    }

    let eventLoop: any EventLoop
    let address: TollgateAddress
    let token: String?
    /// The time limit of a call, and of connecting.
    let deadline: TimeAmount

    var state = State.idle
    var backoff = ReconnectBackoff()
    /// The error of the last connection.
    var lastError = TollgateClientError.unavailable("not connected")
    /// Calls that have not been sent, oldest first. Some may have finished, by timeout or cancellation.
    var waiting = Deque<Call>()
    /// Calls that wait for a reply, in request order. Some may have finished, by timeout or cancellation.
    var sent = Deque<Call>()
    /// Whether the connection has delivered a reply. If so, a reconnect has no backoff: the sidecar may have closed an
    /// idle connection, or may have restarted.
    var hasReceivedReply = false
    /// The links of iterations over alerts, which end with this link.
    private var alertLinks: [ObjectIdentifier: AlertLink] = [:]
    /// Requests to write at the end of the tick.
    private var outbound = ByteBuffer()

    init(eventLoop: any EventLoop, address: TollgateAddress, token: String?, deadline: TimeAmount) {
        self.eventLoop = eventLoop
        self.address = address
        self.token = token
        self.deadline = deadline
    }

    /// Sends a call, or queues it until the connection is ready.
    func submit(_ call: Call) {
        guard !call.token.isCancelled.load(ordering: .acquiring) else {
            return call.finish(.failure(CancellationError()))
        }
        guard waiting.count + sent.count < Self.maxCalls else {
            return call.finish(
                .failure(TollgateClientError.unavailable("\(Self.maxCalls) calls already wait for a reply")))
        }
        switch state {
        case .shutDown: return call.finish(.failure(TollgateClientError.closed))
        case .ready: send(call)
        case .connecting: waiting.append(call)
        case .idle:
            guard backoff.allows(.now()) else {
                return call.finish(.failure(lastError))
            }
            waiting.append(call)
            connect()
        }
        call.timer = eventLoop.assumeIsolated().scheduleTask(in: deadline) { self.expire(call) }
    }

    /// Cancels a call.
    func cancel(_ token: CallToken) {
        let call = sent.first { $0.token === token } ?? waiting.first { $0.token === token }
        call?.finish(.failure(CancellationError()))
        dropFinished()
    }

    /// Removes finished calls from the front of the queue. All calls have the same deadline, so later ones follow
    /// soon.
    private func dropFinished() {
        while let oldest = waiting.first, oldest.isFinished { waiting.removeFirst() }
    }

    private func expire(_ call: Call) {
        call.finish(.failure(TollgateClientError.timeout))
        dropFinished()
        // Three deadlines without any reply: later calls would not be answered either.
        guard case .ready(let connection) = state, let oldest = sent.first,
            oldest.startedAt + deadline * 3 <= .now()
        else { return }
        disconnected(connection.handler, reason: "the sidecar stopped replying")
        connection.channel.close(promise: nil)
    }

    func send(_ call: Call) {
        if outbound.readableBytes == 0 { eventLoop.assumeIsolated().execute { self.flush() } }
        var request = call.request
        outbound.writeBuffer(&request)
        sent.append(call)
    }

    private func flush() {
        guard case .ready(let connection) = state, outbound.readableBytes > 0 else { return }
        connection.channel.writeAndFlush(outbound, promise: nil)
        outbound = ByteBuffer()
    }

    /// Handles a reply line.
    func handleLine(_ line: String, from handler: ClientHandler) {
        switch state {
        case .connecting(let connection?) where connection.handler === handler: authenticated(connection, line)
        case .ready(let connection) where connection.handler === handler:
            guard let call = sent.popFirst() else {
                disconnected(handler, reason: "the sidecar sent an unexpected reply")
                return connection.channel.close(promise: nil)
            }
            hasReceivedReply = true
            backoff.succeeded()
            call.finish(.success(line))
        case .idle, .connecting, .ready, .shutDown: break
        }
    }

    /// Handles a lost connection. Later reports of the same loss are ignored.
    func disconnected(_ handler: ClientHandler, reason: String) {
        switch state {
        case .connecting(let connection?) where connection.handler === handler: break
        case .ready(let connection) where connection.handler === handler: break
        case .idle, .connecting, .ready, .shutDown: return
        }
        fail(TollgateClientError.unavailable("\(address): \(reason)"))
    }

    /// Fails every call and resets the state.
    func fail(_ error: TollgateClientError) {
        lastError = error
        state = .idle
        if !hasReceivedReply { backoff.failed(.now(), jitter: .random(in: 0.75...1.25)) }
        hasReceivedReply = false
        finishAll(error)
    }

    private func finishAll(_ error: TollgateClientError) {
        outbound = ByteBuffer()
        let calls = sent + waiting
        sent.removeAll()
        waiting.removeAll()
        for call in calls { call.finish(.failure(error)) }
    }

    /// Registers an alert link, which ends when this link shuts down.
    func register(_ link: AlertLink) {
        if case .shutDown = state { return link.end() }
        let id = ObjectIdentifier(link)
        alertLinks[id] = link
        link.onEnd = { [weak self] in self?.alertLinks[id] = nil }
    }

    /// Fails every call and closes the connection. The future succeeds when the connection is closed.
    func shutDown() -> EventLoopFuture<Void> {
        let connection: Connection? =
            switch state {
            case .ready(let connection): connection
            case .connecting(let connection): connection
            case .idle, .shutDown: nil
            }
        state = .shutDown
        finishAll(.closed)
        for link in Array(alertLinks.values) { link.end() }
        guard let connection else { return eventLoop.makeSucceededVoidFuture() }
        connection.channel.close(promise: nil)
        return connection.channel.closeFuture
    }
}

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
        fail(.unavailable("\(address): \(ConnectionProblem.description(of: error))"))
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
            self.disconnected(connection.handler, reason: "no reply to AUTH")
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

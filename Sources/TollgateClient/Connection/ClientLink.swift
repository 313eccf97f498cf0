import DequeModule
import NIOCore
import Synchronization
import TollgateWire

/// The one connection of a client: opens it when a call needs it, sends calls in order and gives each its reply. Everything
/// in it belongs to `eventLoop`.
final class ClientLink {
    /// The most calls that may wait for a reply at once.
    static let maxCalls = 65_536

    enum State {
        case idle
        /// Until the channel is there, and the token has been taken. Calls wait in `waiting`.
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
    /// For a call, and for opening a connection.
    let deadline: TimeAmount

    var state = State.idle
    var backoff = Backoff()
    /// Why the last connection failed.
    var lastProblem = TollgateClientError.unavailable("not connected")
    /// Calls that are not sent yet, the oldest first. Some may have been given up.
    var waiting = Deque<Call>()
    /// Calls whose replies have not arrived, in the order in which they were sent. Some may have been given up.
    var sent = Deque<Call>()
    /// Whether the connection has given a reply. One that has is opened again at once when it is lost: the sidecar may have
    /// closed it for idleness, or been restarted.
    var hasServed = false
    /// The connections of iterations over alerts, which end with this one.
    private var alertLinks: [ObjectIdentifier: AlertLink] = [:]
    /// Requests to be written at the end of the tick.
    private var outbound = ByteBuffer()

    init(eventLoop: any EventLoop, address: TollgateAddress, token: String?, deadline: TimeAmount) {
        self.eventLoop = eventLoop
        self.address = address
        self.token = token
        self.deadline = deadline
    }

    /// Takes a call: sends it, or keeps it until there is a connection.
    func submit(_ call: Call) {
        guard !call.token.isCancelled.load(ordering: .acquiring) else {
            return call.finish(.failure(CancellationError()))
        }
        guard waiting.count + sent.count < Self.maxCalls else {
            return call.finish(
                .failure(TollgateClientError.unavailable("\(Self.maxCalls) calls wait for a reply already")))
        }
        switch state {
        case .shutDown: return call.finish(.failure(TollgateClientError.closed))
        case .ready: send(call)
        case .connecting: waiting.append(call)
        case .idle:
            guard backoff.allows(.now()) else {
                return call.finish(.failure(lastProblem))
            }
            waiting.append(call)
            connect()
        }
        call.timer = eventLoop.assumeIsolated().scheduleTask(in: deadline) { self.expire(call) }
    }

    /// The task of a call was cancelled.
    func cancel(_ token: CallToken) {
        let call = sent.first { $0.token === token } ?? waiting.first { $0.token === token }
        call?.finish(.failure(CancellationError()))
        dropFinished()
    }

    /// Forgets calls that nobody waits for, as far as they are the oldest: all expire after the same time, so those behind
    /// have their turn soon. They are passed over when there is a connection.
    private func dropFinished() {
        while let oldest = waiting.first, oldest.isFinished { waiting.removeFirst() }
    }

    private func expire(_ call: Call) {
        call.finish(.failure(TollgateClientError.timeout))
        dropFinished()
        // A sidecar that answers nothing at all for so long will not answer what comes after either.
        guard case .ready(let connection) = state, let oldest = sent.first,
            oldest.startedAt + deadline * 3 <= .now()
        else { return }
        lost(connection.handler, because: "the sidecar has stopped answering")
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

    /// A reply line came.
    func received(_ line: String, from handler: ClientHandler) {
        switch state {
        case .connecting(let connection?) where connection.handler === handler: authenticated(connection, line)
        case .ready(let connection) where connection.handler === handler:
            guard let call = sent.popFirst() else {
                lost(handler, because: "the sidecar sent a reply that nobody asked for")
                return connection.channel.close(promise: nil)
            }
            hasServed = true
            backoff.succeeded()
            call.finish(.success(line))
        case .idle, .connecting, .ready, .shutDown: break
        }
    }

    /// A connection is of no more use. Only the first report of it counts.
    func lost(_ handler: ClientHandler, because problem: String) {
        switch state {
        case .connecting(let connection?) where connection.handler === handler: break
        case .ready(let connection) where connection.handler === handler: break
        case .idle, .connecting, .ready, .shutDown: return
        }
        fail(TollgateClientError.unavailable("\(address): \(problem)"))
    }

    /// Ends every call with an error, and the state of the connection with them.
    func fail(_ error: TollgateClientError) {
        lastProblem = error
        state = .idle
        if !hasServed { backoff.failed(.now(), jitter: .random(in: 0.75...1.25)) }
        hasServed = false
        finishAll(error)
    }

    private func finishAll(_ error: TollgateClientError) {
        outbound = ByteBuffer()
        let calls = sent + waiting
        sent.removeAll()
        waiting.removeAll()
        for call in calls { call.finish(.failure(error)) }
    }

    /// Has an iteration over alerts end with this.
    func adopt(_ link: AlertLink) {
        if case .shutDown = state { return link.end() }
        let id = ObjectIdentifier(link)
        alertLinks[id] = link
        link.onEnd = { [weak self] in self?.alertLinks[id] = nil }
    }

    /// Ends every call and the connection; the future succeeds once that is closed.
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

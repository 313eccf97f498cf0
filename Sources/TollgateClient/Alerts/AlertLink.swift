import DequeModule
import NIOCore
import TollgateWire

/// The connection of one iteration over alerts. It opens when the first message is requested, and reopens after a
/// disconnect when another message is requested. Confined to `eventLoop`.
final class AlertLink {
    typealias Demand = CheckedContinuation<AlertMessage?, any Error>

    enum State {
        case idle
        /// Waiting for the backoff to elapse.
        case pausing(Scheduled<Void>)
        case connecting
        /// Waiting for a reply of the handshake, whose last request is ALERTS.
        case handshaking(Connection, HandshakeStep)
        case listening(Connection)
        /// Ended. The error has not been thrown yet, if there is one.
        case ended(TollgateClientError?)
    }

    /// The request of the handshake whose reply is due.
    enum HandshakeStep: String {
        case auth = "AUTH"
        /// Returns the current cursor, for a link without one.
        case status = "STATUS"
        case alerts = "ALERTS"
    }

    struct Connection {
        var channel: any Channel
        var handler: AlertChannelHandler
    }

    let eventLoop: any EventLoop
    let address: TollgateAddress
    let token: String?
    /// The time limit for connecting, and for each reply of the handshake.
    let deadline: TimeAmount
    /// The interval of PINGs. A connection on which nothing arrives for one interval after a PING is closed.
    private let pingInterval: TimeAmount

    var state = State.idle
    private var backoff = ReconnectBackoff()
    /// The cursor of the last message.
    var cursor: String?
    /// Messages that arrived without demand: at most one read.
    private var messages = Deque<AlertMessage>()
    /// The consumer that waits for a message.
    private var demand: Demand?
    private var pingTimer: Scheduled<Void>?
    /// Whether anything has arrived since the last PING.
    private var hasReceived = true
    /// Called once, when the link has ended.
    var onEnd: () -> Void = {}

    init(
        eventLoop: any EventLoop, address: TollgateAddress, token: String?, deadline: TimeAmount,
        pingInterval: TimeAmount, cursor: String?
    ) {
        self.eventLoop = eventLoop
        self.address = address
        self.token = token
        self.deadline = deadline
        self.pingInterval = pingInterval
        self.cursor = cursor
    }

    // MARK: - Messages

    /// Resumes `demand` with the next message. Once the link has ended, resumes it with the error, and after that with
    /// nil.
    func take(_ demand: Demand) {
        if let message = messages.popFirst() { return demand.resume(returning: message) }
        switch state {
        case .ended(let error):
            state = .ended(nil)
            if let error { demand.resume(throwing: error) } else { demand.resume(returning: nil) }
        case .idle:
            self.demand = demand
            connectWhenAllowed()
        case .listening(let connection):
            self.demand = demand
            connection.channel.read()
        case .pausing, .connecting, .handshaking: self.demand = demand
        }
    }

    /// Handles a line in the state `listening`.
    func handlePush(_ line: String, from connection: Connection) {
        hasReceived = true
        switch ReplyParser.reply(in: line) {
        case .alert(let json):
            guard let line = AlertLine(json: json) else { return disconnected(connection.handler) }
            cursor = line.cursor
            backoff.succeeded()
            if let message = line.message { deliver(message) }
        case .pong: backoff.succeeded()
        default: disconnected(connection.handler)
        }
    }

    private func deliver(_ message: AlertMessage) {
        guard let demand else { return messages.append(message) }
        self.demand = nil
        demand.resume(returning: message)
    }

    /// Whether the handler should read more.
    var wantsBytes: Bool {
        switch state {
        case .handshaking: true
        case .listening: demand != nil
        case .idle, .pausing, .connecting, .ended: false
        }
    }

    // MARK: - Life

    private func connectWhenAllowed() {
        let wait = backoff.wait(from: .now())
        guard wait > .zero else { return connect() }
        state = .pausing(eventLoop.assumeIsolated().scheduleTask(in: wait) { self.connect() })
    }

    /// Handles the reply to ALERTS.
    func listen(_ connection: Connection) {
        state = .listening(connection)
        hasReceived = true
        schedulePing(connection)
    }

    /// Sends a PING only while a consumer waits, because the link does not read otherwise.
    private func schedulePing(_ connection: Connection) {
        pingTimer = eventLoop.assumeIsolated().scheduleTask(in: pingInterval) {
            if self.demand == nil { self.hasReceived = true }
            guard self.hasReceived else { return self.disconnected(connection.handler) }
            if self.demand != nil {
                self.hasReceived = false
                var request = ByteBuffer()
                RequestWriter.write(.ping, to: &request)
                connection.channel.writeAndFlush(request, promise: nil)
            }
            self.schedulePing(connection)
        }
    }

    /// Handles a disconnect. `handler` is nil if connecting failed. Repeated reports of a disconnect are ignored.
    func disconnected(_ handler: AlertChannelHandler?) {
        var channel: (any Channel)?
        switch state {
        case .connecting where handler == nil: break
        case .handshaking(let connection, _) where connection.handler === handler: channel = connection.channel
        case .listening(let connection) where connection.handler === handler: channel = connection.channel
        default: return
        }
        pingTimer?.cancel()
        state = .idle
        // Closed after the change of state, because closing reports the disconnect again.
        channel?.close(promise: nil)
        backoff.failed(.now(), jitter: .random(in: 0.75...1.25))
        if demand != nil { connectWhenAllowed() }
    }

    /// Ends the link with an error that a retry cannot fix.
    func fail(_ error: TollgateClientError) {
        finish(.ended(error))
        guard let demand else { return }
        self.demand = nil
        take(demand)
    }

    /// Ends the link and drops messages that were not consumed.
    func end() {
        messages.removeAll()
        finish(.ended(nil))
        demand?.resume(returning: nil)
        demand = nil
    }

    private func finish(_ end: State) {
        let last = state
        state = end
        pingTimer?.cancel()
        switch last {
        case .handshaking(let connection, _), .listening(let connection): connection.channel.close(promise: nil)
        case .pausing(let pause): pause.cancel()
        case .idle, .connecting: break
        case .ended: return
        }
        onEnd()
    }
}

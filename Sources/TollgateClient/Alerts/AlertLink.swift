import DequeModule
import NIOCore
import TollgateWire

/// The connection of one iteration over alerts: opened when the first message is asked for, and again whenever it was lost and
/// another message is wanted. Everything in it belongs to `eventLoop`.
final class AlertLink {
    typealias Demand = CheckedContinuation<AlertMessage?, any Error>

    enum State {
        case idle
        /// Until a connection may be tried again.
        case pausing(Scheduled<Void>)
        case connecting
        /// One request after the other is answered, up to ALERTS.
        case greeting(Connection, Greeting)
        case listening(Connection)
        /// No more messages; the error is still to be thrown.
        case ended(TollgateClientError?)
    }

    /// What an answer is awaited to.
    enum Greeting: String {
        case auth = "AUTH"
        /// Where the stream is, for who has no cursor.
        case info = "INFO"
        case alerts = "ALERTS"
    }

    struct Connection {
        var channel: any Channel
        var handler: AlertChannelHandler
    }

    let eventLoop: any EventLoop
    let address: TollgateAddress
    let token: String?
    /// For opening a connection, and for each answer up to that to ALERTS.
    let deadline: TimeAmount
    /// A connection on which nothing comes is asked for a sign of life so often, and given up when none has come by the next time.
    private let pingInterval: TimeAmount

    var state = State.idle
    private var backoff = Backoff()
    /// That of the last message which came.
    var cursor: String?
    /// What came and was not asked for: as much as one read brings.
    private var messages = Deque<AlertMessage>()
    /// Whoever waits for a message.
    private var demand: Demand?
    private var pingTimer: Scheduled<Void>?
    /// Since it was last asked for a sign of life.
    private var hasHeard = true
    /// Called once, when it has ended.
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

    /// Gives the next message when there is one; nil, or an error and then nil, when there will be none.
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
        case .pausing, .connecting, .greeting: self.demand = demand
        }
    }

    /// A line came while listening.
    func heard(_ line: String, from connection: Connection) {
        hasHeard = true
        switch ReplyParser.reply(in: line) {
        case .alert(let json):
            guard let line = AlertLine(json: json) else { return lost(connection.handler) }
            cursor = line.cursor
            backoff.succeeded()
            if let message = line.message { deliver(message) }
        case .pong: backoff.succeeded()
        default: lost(connection.handler)
        }
    }

    private func deliver(_ message: AlertMessage) {
        guard let demand else { return messages.append(message) }
        self.demand = nil
        demand.resume(returning: message)
    }

    /// Whether more is to be read.
    var wantsBytes: Bool {
        switch state {
        case .greeting: true
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

    /// ALERTS was answered.
    func listen(_ connection: Connection) {
        state = .listening(connection)
        hasHeard = true
        schedulePing(connection)
    }

    /// Asks only while something is waited for: what comes is not read otherwise.
    private func schedulePing(_ connection: Connection) {
        pingTimer = eventLoop.assumeIsolated().scheduleTask(in: pingInterval) {
            if self.demand == nil { self.hasHeard = true }
            guard self.hasHeard else { return self.lost(connection.handler) }
            if self.demand != nil {
                self.hasHeard = false
                var request = ByteBuffer()
                RequestWriter.write(.ping, to: &request)
                connection.channel.writeAndFlush(request, promise: nil)
            }
            self.schedulePing(connection)
        }
    }

    /// A connection is of no more use, or could not be opened; nil. Only the first report of it counts.
    func lost(_ handler: AlertChannelHandler?) {
        var channel: (any Channel)?
        switch state {
        case .connecting where handler == nil: break
        case .greeting(let connection, _) where connection.handler === handler: channel = connection.channel
        case .listening(let connection) where connection.handler === handler: channel = connection.channel
        default: return
        }
        pingTimer?.cancel()
        state = .idle
        // Now, as closing reports the loss again.
        channel?.close(promise: nil)
        backoff.failed(.now(), jitter: .random(in: 0.75...1.25))
        if demand != nil { connectWhenAllowed() }
    }

    /// The sidecar has refused for good.
    func fail(_ error: TollgateClientError) {
        finish(.ended(error))
        guard let demand else { return }
        self.demand = nil
        take(demand)
    }

    /// Ends it for good: no more messages, whatever has come.
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
        case .greeting(let connection, _), .listening(let connection): connection.channel.close(promise: nil)
        case .pausing(let pause): pause.cancel()
        case .idle, .connecting: break
        case .ended: return
        }
        onEnd()
    }
}

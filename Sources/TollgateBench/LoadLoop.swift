import DequeModule
import NIOCore
import NIOPosix
import TollgateClient
import TollgatePolicy

/// The connections and the statistics of one thread. Owned by one event loop.
final class LoadLoop<DialectType: Dialect> {
    /// The interval at which the open loop checks for due calls.
    private static var paceInterval: TimeAmount { .microseconds(100) }

    private let eventLoop: any EventLoop
    private let share: LoadShare
    private var workload: Workload
    private var connections: [LoadConnection<DialectType>] = []

    private var statistics = LoadStatistics()
    private var measuredFrom = NIODeadline.distantFuture
    private var sendsUntil = NIODeadline.distantFuture
    /// The number of measured calls remaining to send.
    private var remaining: Int
    private var unanswered = 0
    private var hasSentAll = false
    /// The number of replies, including those of the warm-up.
    private var repliesCount = 0
    private let finished: EventLoopPromise<LoadStatistics>
    private var isFinished = false
    private var nextConnection = 0

    init(eventLoop: any EventLoop, share: LoadShare, workload: Workload) {
        self.eventLoop = eventLoop
        self.share = share
        self.workload = workload
        remaining = share.count ?? .max
        finished = eventLoop.makePromise()
    }

    /// The number of replies to measured calls.
    var answeredCount: Int { statistics.answered }

    // MARK: - Connecting

    func connect(to address: TollgateAddress, _ dialect: @escaping () throws -> DialectType) -> EventLoopFuture<Void> {
        let handshakes = (0..<share.connections).map { _ in eventLoop.makePromise(of: Void.self) }
        for handshake in handshakes { connect(to: address, dialect, handshake) }
        eventLoop.assumeIsolated().scheduleTask(in: share.patience) {
            for handshake in handshakes {
                handshake.fail(OperatorError("\(address): no connection, or no reply on it"))
            }
        }
        return EventLoopFuture.andAllSucceed(handshakes.map(\.futureResult), on: eventLoop)
    }

    private func connect(
        to address: TollgateAddress, _ dialect: () throws -> DialectType, _ ready: EventLoopPromise<Void>
    ) {
        let connection: LoadConnection<DialectType>
        do {
            connection = LoadConnection(dialect: try dialect(), loop: self, ready: ready)
        } catch {
            return ready.fail(error)
        }
        connections.append(connection)
        let handler = NIOLoopBound(connection, eventLoop: eventLoop)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(share.patience)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(handler.value)
                }
            }
        let opened =
            switch address {
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            }
        opened.whenFailure { ready.fail(OperatorError("\(address): \(ConnectionProblem.description(of: $0))")) }
    }

    // MARK: - Running

    /// Sends from `start` on and measures from `measuredFrom` on. The future succeeds with the statistics when every
    /// call has been answered or given up.
    func run(from start: NIODeadline, measuredFrom: NIODeadline, until end: NIODeadline) -> EventLoopFuture<
        LoadStatistics
    > {
        self.measuredFrom = measuredFrom
        sendsUntil = end
        statistics.startsAt = measuredFrom
        eventLoop.assumeIsolated().scheduleTask(deadline: start) {
            if let interval = self.share.interval {
                self.pace(from: start + self.share.offset, every: interval)
            } else {
                self.fill()
            }
            self.watch(answered: 0)
        }
        if end != .distantFuture {
            eventLoop.assumeIsolated().scheduleTask(deadline: end) {
                self.hasSentAll = true
                self.finishIfDone()
            }
            eventLoop.assumeIsolated().scheduleTask(deadline: end + share.patience) { self.finish() }
        }
        return finished.futureResult
    }

    /// Ends the run if calls are unanswered and no reply has arrived since the last check.
    private func watch(answered before: Int) {
        let isWaiting = unanswered > 0
        eventLoop.assumeIsolated().scheduleTask(in: share.patience) {
            guard !self.isFinished else { return }
            if isWaiting, self.unanswered > 0, self.repliesCount == before { return self.finish() }
            self.watch(answered: self.repliesCount)
        }
    }

    /// Starts the closed loop: sends as many calls per connection as may be unanswered.
    private func fill() {
        let now = NIODeadline.now()
        for connection in connections {
            for _ in 0..<share.pipeline { send(on: connection, intendedAt: now) }
            connection.flush()
        }
        finishIfDone()
    }

    /// Sends the next call of the closed loop after a reply.
    func sendNext(on connection: LoadConnection<DialectType>, at now: NIODeadline) {
        if share.interval == nil { send(on: connection, intendedAt: now) }
        finishIfDone()
    }

    /// Runs the open loop: sends due calls, regardless of unanswered ones.
    private func pace(from due: NIODeadline, every interval: Double) {
        let start = due
        var sent = 0
        func next() {
            let now = NIODeadline.now()
            let first = nextConnection
            var time = start + .nanoseconds(Int64(Double(sent) * interval))
            while time <= now, maySend(at: time) {
                send(on: connections[nextConnection % connections.count], intendedAt: time)
                nextConnection += 1
                sent += 1
                time = start + .nanoseconds(Int64(Double(sent) * interval))
            }
            for index in first..<min(nextConnection, first + connections.count) {
                connections[index % connections.count].flush()
            }
            guard !isFinished, maySend(at: time) else {
                hasSentAll = true
                return finishIfDone()
            }
            eventLoop.assumeIsolated().scheduleTask(deadline: max(time, now + Self.paceInterval)) { next() }
        }
        next()
    }

    private func maySend(at time: NIODeadline) -> Bool {
        remaining > 0 && time < sendsUntil
    }

    private func send(on connection: LoadConnection<DialectType>, intendedAt time: NIODeadline) {
        guard maySend(at: time) else { return }
        if time >= measuredFrom { remaining -= 1 }
        unanswered += 1
        connection.add(workload.next(), intendedAt: time)
    }

    func answered(_ kind: ReplyKind, after latency: TimeAmount, intendedAt time: NIODeadline) {
        unanswered -= 1
        repliesCount += 1
        if time >= measuredFrom { statistics.add(kind, latency, at: time + latency) }
    }

    // MARK: - End

    private func finishIfDone() {
        if unanswered == 0, hasSentAll || remaining == 0 { finish() }
    }

    /// Ends the run and counts calls without a reply.
    private func finish() {
        guard !isFinished else { return }
        isFinished = true
        let now = NIODeadline.now()
        for connection in connections {
            for time in connection.unanswered where time >= measuredFrom { statistics.giveUp(after: now - time) }
        }
        finished.succeed(statistics)
        for connection in connections { connection.close() }
    }

    func fail(_ error: OperatorError) {
        guard !isFinished else { return }
        isFinished = true
        finished.fail(error)
        for connection in connections { connection.close() }
    }
}

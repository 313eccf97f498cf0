import NIOCore
import TollgateCore
import TollgateLedger
import TollgateRedis

/// Everything that one event loop owns: its sessions, its ledger, and its view of the policy. Workers share nothing.
final class Worker {
    let eventLoop: any EventLoop
    let ledger: Ledger
    let link: RedisLink
    let token: [UInt8]?
    private let namespace: String
    private let idleTimeout: TimeAmount
    /// How long a shutdown waits for replies, and for clients to take them.
    private let patience: TimeAmount

    // Without run-time checks, as in Session: resolving calls nothing that resolves, counts or flushes.
    @exclusivity(unchecked) var resolver: ScopeResolver
    /// Kept so that a request needs no array of its own.
    @exclusivity(unchecked) var plans: [ScopePlan] = []
    @exclusivity(unchecked) var counts = WorkerCounts()
    private var sessions: [ObjectIdentifier: Session] = [:]
    @exclusivity(unchecked) private var sessionsToFlush: [Session] = []
    /// Of the first worker only: all of them share one Redis.
    var health: RedisHealth? {
        didSet { ledger.onReady = { [weak self] in self?.health?.check() } }
    }
    private var idleCheck: Scheduled<Void>?
    private(set) var isShuttingDown = false
    private var lastSessionGone: EventLoopPromise<Void>?

    /// Asks for the sidecar's report; set once, before the first connection.
    var report: @Sendable () async -> InfoReport = { InfoReport() }

    init(
        eventLoop: any EventLoop, link: RedisLink, settings: ServerSettings, journal: Journal?, policy: Policy
    ) {
        self.eventLoop = eventLoop
        self.link = link
        token = settings.token.map { Array($0.utf8) }
        namespace = settings.namespace
        idleTimeout = TimeAmount(settings.idleTimeout)
        patience = TimeAmount(settings.deadline) + .seconds(5)
        ledger = Ledger(
            link: link, eventLoop: eventLoop, namespace: settings.namespace, deadline: TimeAmount(settings.deadline),
            journal: journal)
        resolver = Self.resolver(for: policy, namespace: namespace, ledger: ledger)
        ledger.onAnswersDelivered = { [unowned self] in flushSessions() }
    }

    func start() {
        link.start()
        scheduleIdleCheck()
    }

    /// Four times within the timeout: a connection is closed at most a quarter of it late.
    private func scheduleIdleCheck() {
        let interval = TimeAmount.nanoseconds(max(idleTimeout.nanoseconds / 4, 5_000_000))
        idleCheck = eventLoop.assumeIsolated().scheduleTask(in: interval) {
            self.closeIdleSessions()
            self.scheduleIdleCheck()
        }
    }

    /// From now on requests are decided by another policy. What is under way keeps the one it was resolved with.
    func install(_ policy: Policy) {
        ledger.endBatch()
        resolver = Self.resolver(for: policy, namespace: namespace, ledger: ledger)
    }

    private static func resolver(for policy: Policy, namespace: String, ledger: Ledger) -> ScopeResolver {
        ScopeResolver(
            cache: ScopePlanCache(
                policy: policy, namespace: namespace, onDrop: { [unowned ledger] in ledger.endBatch() }))
    }

    /// Sends a record of the journal to Redis.
    func replay(_ record: Journal.Record) -> EventLoopFuture<JournalReplay.Outcome> {
        ledger.replay(record) { resolver.cache.plan(for: $0) }
    }

    /// What `INFO` adds up over the workers.
    var currentCounts: WorkerCounts {
        var current = counts
        current.connections = sessions.count
        current.operations = ledger.counts.operations
        current.batches = ledger.counts.batches
        current.scopesCached = resolver.cache.count
        return current
    }

    // MARK: - Sessions

    func add(_ session: Session) {
        sessions[ObjectIdentifier(session)] = session
    }

    func remove(_ session: Session) {
        sessions[ObjectIdentifier(session)] = nil
        guard sessions.isEmpty, let gone = lastSessionGone else { return }
        lastSessionGone = nil
        gone.succeed(())
    }

    /// A session with something to write; it will be asked to once the answers at hand have all been given out.
    func flushLater(_ session: Session) {
        sessionsToFlush.append(session)
    }

    private func flushSessions() {
        guard !sessionsToFlush.isEmpty else { return }
        let ready = sessionsToFlush
        sessionsToFlush.removeAll(keepingCapacity: true)
        for session in ready { session.flush() }
    }

    private func closeIdleSessions() {
        let latest = NIODeadline.now() - idleTimeout
        for session in Array(sessions.values) where session.isIdle(since: latest) { session.close() }
    }

    // MARK: - End

    /// Takes no more requests, answers those that came, closes the sessions and the way to Redis.
    func shutdown() -> EventLoopFuture<Void> {
        isShuttingDown = true
        let gone = eventLoop.makePromise(of: Void.self)
        if sessions.isEmpty { gone.succeed(()) } else { lastSessionGone = gone }
        for session in Array(sessions.values) { session.stopReading() }
        let timeout = eventLoop.assumeIsolated().scheduleTask(in: patience) {
            for session in Array(self.sessions.values) { session.close() }
        }
        return gone.futureResult.assumeIsolated().flatMap {
            timeout.cancel()
            self.idleCheck?.cancel()
            self.health?.stop()
            return self.link.shutdown()
        }.nonisolated()
    }
}

import Logging
import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateRedis
import TollgateStores
import TollgateWire

/// Everything that one event loop owns: its sessions, its ledger, and its view of the policy. Workers share nothing.
final class Worker {
    /// How often the caches' clock ticks: what was looked up is used for 30 ticks, five minutes.
    private static let cacheTick = TimeAmount.seconds(10)

    let eventLoop: any EventLoop
    let ledger: Ledger
    let lookup: SettingsLookup
    private let seen: SeenScopes
    let link: RedisLink
    let token: [UInt8]?
    let clients: ClientGuard
    /// After this time a wrong token is answered that comes after many others.
    let wrongTokenDelay: TimeAmount
    /// Sessions that have not named the token yet, where one is set.
    let unauthenticated: UnauthenticatedSessions
    private let idleTimeout: TimeAmount
    /// How long a shutdown waits for replies, and for clients to take them.
    private let patience: TimeAmount

    // Without run-time checks, as in Session: resolving calls nothing that resolves, counts or flushes.
    @exclusivity(unchecked) var resolver: ScopeResolver
    /// Kept so that a request needs no array of its own.
    @exclusivity(unchecked) var plans: [ScopePlan] = []
    @exclusivity(unchecked) var counts = WorkerCounts()
    /// Where news of alerts come from; set once, before the first connection.
    var alertFeed: AlertFeed?
    /// Hands them on to the sessions that have asked for them.
    let alertFanOut: AlertFanOut
    private var sessions: [ObjectIdentifier: Session] = [:]
    @exclusivity(unchecked) private var sessionsToFlush: [Session] = []
    let scheduler: SessionScheduler
    /// Of the first worker only: all of them share one Redis.
    var health: RedisHealth? {
        didSet { ledger.onReady = { [weak self] in self?.health?.check() } }
    }
    private var idleCheck: Scheduled<Void>?
    private var cacheClock: Scheduled<Void>?
    private(set) var isShuttingDown = false
    private var lastSessionGone: EventLoopPromise<Void>?

    /// Asks for the sidecar's report; set once, before the first connection.
    var report: @Sendable () async -> InfoReport = { InfoReport() }
    /// Sessions that have asked for a report since the one that is being made was begun.
    private var waitingForReport: [(Result<ByteBuffer, any Error>) -> Void] = []
    private var isReporting = false

    init(
        eventLoop: any EventLoop, link: RedisLink, settings: ServerSettings, clients: ClientGuard, journal: Journal?,
        policy: Policy, logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.link = link
        self.clients = clients
        alertFanOut = AlertFanOut(eventLoop: eventLoop)
        token = settings.token.map { Array($0.utf8) }
        wrongTokenDelay = TimeAmount(settings.wrongTokenDelay)
        unauthenticated = UnauthenticatedSessions(
            eventLoop: eventLoop, timeout: TimeAmount(settings.authenticationTimeout))
        idleTimeout = TimeAmount(settings.idleTimeout)
        patience = TimeAmount(settings.deadline) + .seconds(5)
        ledger = Ledger(
            link: link, eventLoop: eventLoop, keySpace: settings.keySpace, deadline: TimeAmount(settings.deadline),
            journal: journal)
        scheduler = SessionScheduler(
            eventLoop: eventLoop, hasRoom: { [unowned ledger] in ledger.hasRoom },
            onContention: { [unowned ledger] in ledger.keepBatchesShort() })
        let cache = ScopePlanCache(
            policy: policy, keySpace: settings.keySpace, redisTime: { [unowned ledger] in ledger.redisTime },
            onDrop: { [unowned ledger] in ledger.closeBatch(with: $0) },
            isInFillingBatch: { [unowned ledger] in ledger.isFilling(with: $0) })
        resolver = ScopeResolver(cache: cache)
        lookup = SettingsLookup(ledger: ledger, logger: logger)
        seen = SeenScopes(ledger: ledger)
        seen.listedKinds = policy.listedKinds
        cache.onMet = { [unowned seen] in seen.note($0) }
        lookup.onFound = { cache.learn($0, of: $1) }
        lookup.onDelivered = { [unowned self] in flushSessions() }
        ledger.onAnswersDelivered = { [unowned self] in flushSessions() }
        ledger.onRoom = { [unowned scheduler] in scheduler.roomAppeared() }
    }

    func start() {
        link.start()
        scheduleIdleCheck()
        scheduleCacheTick()
    }

    private func scheduleCacheTick() {
        cacheClock = eventLoop.assumeIsolated().scheduleTask(in: Self.cacheTick) {
            self.refreshAgingScopes()
            self.scheduleCacheTick()
        }
    }

    /// What is in use is looked up again before it is too old, so that no request waits for it.
    private func refreshAgingScopes() {
        let aging = resolver.cache.advanceTick()
        if !aging.isEmpty { lookup.refresh(aging) }
    }

    /// Four times within the timeout: a connection is closed at most a quarter of it late.
    private func scheduleIdleCheck() {
        let interval = TimeAmount.nanoseconds(max(idleTimeout.nanoseconds / 4, 5_000_000))
        idleCheck = eventLoop.assumeIsolated().scheduleTask(in: interval) {
            self.closeIdleSessions()
            self.scheduleIdleCheck()
        }
    }

    // MARK: - Policy

    /// From now on requests are decided by another policy. What is under way keeps the one it was resolved with.
    func install(_ policy: Policy) {
        resolver.cache.install(policy)
        resolver.policyChanged()
        seen.listedKinds = policy.listedKinds
        if policy.kindsWithSettings != nil { lookup.policyIsKnown() }
    }

    /// The kinds of scopes for which something was ever set. Of no use before tiers are known.
    func learn(_ kinds: Set<ScopeKind>) {
        if resolver.cache.policy.kindsWithSettings != nil { resolver.cache.learn(kinds) }
    }

    /// What administrators have set for a scope is not what it was; nil for any scope, as when changes may have been missed.
    func settingsChanged(of scope: Scope?) {
        if let scope {
            resolver.cache.noteSettings(of: scope.kind)
            lookup.outdate(scope)
            resolver.cache.forget(scope)
        } else {
            lookup.outdateAll()
            resolver.cache.forgetAllAndKinds()
        }
    }

    /// Fills `plans` with the scopes of a request; false where it has to wait. `unknown`: why what is set for them is not known;
    /// then they are filled by what there is to be had.
    func resolve(
        _ names: ScopeResolver.Names, of bytes: GrowingBytes, keepsInert: Bool = false, _ unknown: LedgerFailure?
    ) -> Bool {
        guard unknown != nil else {
            return resolver.resolve(names, of: bytes, keepsInert: keepsInert, into: &plans)
        }
        resolver.resolveUnknown(names, of: bytes, into: &plans)
        return true
    }

    /// Why the request whose scopes were resolved cannot be carried out: they are in several partitions. Nil where it can.
    var partitionConflict: RequestError? {
        ledger.keySpace.conflict(among: plans).map { RequestError(.badRequest, $0) }
    }

    /// Calls back once, later: when the scopes are known, or with why not; without any, when the batch which fills has been sent.
    func wait(for scopes: [Scope], completion: @escaping (LedgerFailure?) -> Void) {
        guard scopes.isEmpty else {
            return lookup.look(up: scopes, completion: completion)
        }
        ledger.afterFilling { [self] in
            // It has waited once: others that are quicker again do not keep it waiting for ever.
            resolver.cache.mayCloseBatch = true
            completion(nil)
            resolver.cache.mayCloseBatch = false
        }
    }

    /// Sends a record of the journal to Redis.
    func replay(_ record: Journal.Record) -> EventLoopFuture<JournalReplay.Outcome> {
        let cache = resolver.cache
        guard ledger.isReady else { return eventLoop.makeSucceededFuture(.notNow) }
        let promise = eventLoop.makePromise(of: JournalReplay.Outcome.self)
        // Also what was looked up before: it may have been changed in the outage.
        lookup.look(up: ledger.scopes(in: record).filter(cache.mayHaveSettings)) { [self] failure in
            switch failure {
            case nil: break
            case .internal(let sentence)?: return promise.succeed(.failing(sentence, others: ledger.answeredBatches))
            default: return promise.succeed(.notNow)
            }
            ledger.replay(record) { cache.plan(for: $0, traits: $1) }.assumeIsolated().whenSuccess {
                promise.succeed($0)
            }
        }
        return promise.futureResult
    }

    /// What `INFO` adds up over the workers.
    var currentCounts: WorkerCounts {
        var current = counts
        current.connections = sessions.count
        current.alertSubscribers = alertFanOut.count
        current.operations = ledger.counts.operations
        current.batches = ledger.counts.batches
        current.holdsNotCancelled = ledger.counts.holdsNotCancelled
        current.scopesCached = resolver.cache.count
        current.scopesResolved = resolver.resolved
        current.scopesLookedUp = resolver.lookedUp
        return current
    }

    // MARK: - Sessions

    func add(_ session: Session) {
        sessions[ObjectIdentifier(session)] = session
        if token != nil { unauthenticated.add(session) }
    }

    func remove(_ session: Session) {
        unsubscribe(session)
        unauthenticated.remove(session)
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

    /// Calls back, later, with the sidecar's report as JSON. However many ask, one is made at a time.
    func askForReport(_ completion: @escaping (Result<ByteBuffer, any Error>) -> Void) {
        waitingForReport.append(completion)
        if !isReporting { makeReport() }
    }

    private func makeReport() {
        isReporting = true
        let waiting = waitingForReport
        waitingForReport = []
        let here = NIOLoopBound((worker: self, waiting: waiting), eventLoop: eventLoop)
        eventLoop.makeFutureWithTask { [report] in
            let current = await report()
            return Result { try JSONReply.bytes(current) }
        }.whenSuccess { json in
            let (worker, waiting) = here.value
            for completion in waiting { completion(json) }
            worker.isReporting = false
            worker.flushSessions()
            if !worker.waitingForReport.isEmpty { worker.makeReport() }
        }
    }

    private func closeIdleSessions() {
        let latest = NIODeadline.now() - idleTimeout
        for session in Array(sessions.values) where session.isIdle(since: latest) { session.closeIdle() }
    }

    // MARK: - Alerts

    /// From now on the session gets what is new; false where as many listen as may.
    func subscribe(_ session: Session) -> Bool {
        guard clients.alertPlaces.take() else { return false }
        alertFanOut.add(session)
        return true
    }

    func unsubscribe(_ session: Session) {
        guard alertFanOut.remove(session) else { return }
        clients.alertPlaces.giveBack()
        alertFeed?.forget(ObjectIdentifier(session))
    }

    /// What is new.
    func deliver(_ page: AlertPage) {
        alertFanOut.deliver(page)
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
            self.cacheClock?.cancel()
            self.health?.stop()
            return self.link.shutdown()
        }.nonisolated()
    }
}

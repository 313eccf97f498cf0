import Logging
import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateRedis
import TollgateStores
import TollgateWire

/// The parts that one event loop owns: its sessions, its ledger, and its view of the policy. Workers share nothing.
final class Worker {
    /// The interval of the cache's clock. A looked-up scope is used for 30 ticks, which is five minutes.
    private static let cacheTick = TimeAmount.seconds(10)

    let eventLoop: any EventLoop
    let ledger: Ledger
    let lookup: SettingsLookup
    private let seen: SeenScopes
    let link: RedisLink
    /// The token that clients send in AUTH; nil to accept every connection.
    private(set) var token: [UInt8]?
    let clients: ClientGuard
    /// The delay before a wrong token is answered, after many others from the same address.
    let wrongTokenDelay: TimeAmount

    // Unchecked, as in Session: resolving never calls back into resolving, counting or flushing.
    @exclusivity(unchecked) var resolver: ScopeResolver
    /// The plans of the current request. Reused, so that a request allocates no array.
    @exclusivity(unchecked) var plans: [ScopePlan] = []
    /// The errors that were replied, by their code.
    @exclusivity(unchecked) private(set) var errors: [ErrorCode: Int] = [:]
    /// Requests among `errors` that were refused because they had waited too long for their turn.
    @exclusivity(unchecked) var shed = 0
    @exclusivity(unchecked) private var sessionsToFlush: [Session] = []
    let scheduler: SessionScheduler
    let sessions: SessionRegistry
    /// The source of alert events for this loop's clients.
    let alertFeed: AlertFeed
    let alertFanOut: AlertFanOut
    let infoQueue: InfoQueue
    /// Computes costs by the prices of the policy; nil if it has none.
    @exclusivity(unchecked) private(set) var pricer: Pricer?
    /// The accounts that are bound to providers; nil if there are none.
    @exclusivity(unchecked) private(set) var bindings: AccountBindings?
    /// The models without a price, of all workers.
    let unknownModels: UnknownModels
    /// Checks the Redis that all workers share. Set on the first worker only.
    var health: RedisHealth? {
        didSet { ledger.onReady = { [weak self] in self?.health?.check() } }
    }
    private var cacheClock: Scheduled<Void>?
    private var highestHits = 0

    init(
        eventLoop: any EventLoop, link: RedisLink, settings: ServerSettings, clients: ClientGuard, alertFeed: AlertFeed,
        journal: Journal?, policy: Policy, unlimitedKinds: UnlimitedKindLog, unknownModels: UnknownModels,
        logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.link = link
        self.clients = clients
        self.unknownModels = unknownModels
        self.alertFeed = alertFeed
        alertFanOut = AlertFanOut(eventLoop: eventLoop, feed: alertFeed, slots: clients.alertSlots)
        token = settings.token.map { Array($0.utf8) }
        wrongTokenDelay = TimeAmount(settings.wrongTokenDelay)
        sessions = SessionRegistry(eventLoop: eventLoop, settings: settings)
        infoQueue = InfoQueue(eventLoop: eventLoop)
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
        pricer = policy.pricing.map { Pricer($0, unit: settings.keySpace.moneyUnit, folded: policy.foldedKinds) }
        bindings = AccountBindings(policy)
        resolver.unlimited.onNewKind = { unlimitedKinds.note($0) }
        cache.onMet = { [unowned self] in seen.note($0) }
        lookup.onFound = { cache.learn($0, of: $1) }
        lookup.onDelivered = { [unowned self] in flushSessions() }
        ledger.onAnswersDelivered = { [unowned self] in flushSessions() }
        ledger.onRoom = { [unowned scheduler] in scheduler.roomAppeared() }
        infoQueue.onDelivered = { [unowned self] in flushSessions() }
    }

    /// Connects to Redis and starts the timers.
    func start() {
        link.start()
        sessions.start()
        scheduleCacheTick()
    }

    private func scheduleCacheTick() {
        cacheClock = eventLoop.assumeIsolated().scheduleTask(in: Self.cacheTick) {
            self.refreshAgingScopes()
            self.scheduleCacheTick()
        }
    }

    /// Looks up the scopes in use again before they are too old, so that no request waits for that.
    private func refreshAgingScopes() {
        let aging = resolver.cache.advanceTick()
        if !aging.isEmpty { lookup.refresh(aging) }
    }

    // MARK: - Policy

    /// Decides by another policy from now on. Operations in progress keep the policy that they were resolved with.
    func install(_ policy: Policy) {
        resolver.cache.install(policy)
        resolver.policyChanged()
        seen.listedKinds = policy.listedKinds
        pricer = policy.pricing.map { Pricer($0, unit: ledger.keySpace.moneyUnit, folded: policy.foldedKinds) }
        bindings = AccountBindings(policy)
        if policy.kindsWithSettings != nil { lookup.policyIsKnown() }
    }

    /// Updates the kinds of scopes that ever had settings. Has no effect before tiers are known.
    func learn(_ kinds: Set<ScopeKind>) {
        if resolver.cache.policy.kindsWithSettings != nil { resolver.cache.learn(kinds) }
    }

    /// Invalidates the cached settings of a scope; of all scopes if it is nil, because changes may have been missed.
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

    // MARK: - Scopes

    /// Fills `plans` with the scopes of a request. Returns false if the request has a fault, or has to wait.
    func resolve(
        _ names: ScopeResolver.Names, of bytes: GrowingBytes, for purpose: ScopeResolver.Purpose
    ) -> Bool {
        resolver.resolve(names, of: bytes, for: purpose, into: &plans)
    }

    /// Fills `plans` with the scopes of a request as the cache knows them, after a failed lookup.
    func resolveFromCache(_ names: ScopeResolver.Names, of bytes: GrowingBytes) {
        resolver.resolveFromCache(names, of: bytes, into: &plans)
    }

    /// The error of the resolved request if its scopes are in several partitions; otherwise nil.
    var partitionConflict: RequestError? {
        ledger.keySpace.conflict(among: plans).map { RequestError(.badRequest, $0) }
    }

    /// Looks scopes up, and calls back once, later. Without scopes, calls back when the filling batch has been sent.
    func wait(for scopes: [Scope], completion: @escaping (LedgerFailure?) -> Void) {
        guard scopes.isEmpty else {
            return lookup.look(up: scopes, completion: completion)
        }
        ledger.afterFilling { [self] in
            // A request that has waited once may end the batch, so that faster ones cannot delay it for ever.
            resolver.cache.mayCloseBatch = true
            completion(nil)
            resolver.cache.mayCloseBatch = false
        }
    }

    /// Calls back once with the plan of a scope that no request asks for, perhaps immediately. The plan is nil if Redis
    /// cannot be asked, or the settings of the scope are not known.
    func withPlan(of scope: Scope, _ body: @escaping (ScopePlan?) -> Void) {
        guard ledger.isReady, !isShuttingDown else { return body(nil) }
        if let plan = resolver.currentPlan(of: scope, .none) { return body(plan) }
        wait(for: resolver.mustWaitForBatch ? [] : [scope]) { failure in
            guard failure == nil else { return body(nil) }
            self.withPlan(of: scope, body)
        }
    }

    /// Sends a record of the journal to Redis.
    func replay(_ record: Journal.Record) -> EventLoopFuture<JournalReplay.Outcome> {
        let cache = resolver.cache
        guard ledger.isReady else { return eventLoop.makeSucceededFuture(.notNow) }
        let promise = eventLoop.makePromise(of: JournalReplay.Outcome.self)
        // Cached scopes too: their settings may have changed during the outage.
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

    // MARK: - Sessions

    /// Replaces the token. Connections that have sent the earlier one stay authenticated.
    func install(token: String) {
        self.token = Array(token.utf8)
    }

    /// Flushes a session once the replies at hand have all been handed out.
    func flushLater(_ session: Session) {
        sessionsToFlush.append(session)
    }

    private func flushSessions() {
        guard !sessionsToFlush.isEmpty else { return }
        let ready = sessionsToFlush
        sessionsToFlush.removeAll(keepingCapacity: true)
        for session in ready { session.flush() }
    }

    /// The scopes that were cached, as a number that never falls: a miss counts at once, and its scope when the request is
    /// complete.
    func cacheHits() -> Int {
        highestHits = max(highestHits, resolver.resolved - resolver.lookedUp)
        return highestHits
    }

    func countError(_ code: ErrorCode) { errors[code, default: 0] += 1 }

    /// The worker's part of the counts in STATUS.
    var currentCounts: WorkerCounts {
        let tally = ledger.tally
        var current = WorkerCounts()
        current.allowed = tally.count(.allowed)
        current.denied = tally.count(.denied)
        current.wouldDeny = tally.wouldDeny
        current.applied = tally.count(.applied) + tally.count(.late)
        current.duplicates = tally.count(.duplicate)
        current.queued = tally.count(.queued)
        current.degraded = tally.count(.degraded)
        current.errors = errors.values.reduce(0, +)
        current.shed = shed
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

    // MARK: - Shutdown

    var isShuttingDown: Bool { sessions.isClosing }

    /// Reads no more requests, answers those that were read, closes the sessions and then the connection to Redis.
    func shutdown() -> EventLoopFuture<Void> {
        sessions.closeAll().assumeIsolated().flatMap {
            self.cacheClock?.cancel()
            self.health?.stop()
            return self.seen.flush()
        }.flatMap {
            self.link.shutdown()
        }.nonisolated()
    }
}

extension [NIOLoopBound<Worker>] {
    /// Runs a body on the event loop of each worker. Returns immediately.
    func execute(_ body: @escaping @Sendable (Worker) -> Void) {
        for worker in self { worker.eventLoop.execute { body(worker.value) } }
    }
}

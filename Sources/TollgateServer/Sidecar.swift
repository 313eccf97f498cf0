import Foundation
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import TollgateCore
import TollgateLedger
package import TollgatePolicy
import TollgateRedis
import TollgateStores

/// A running sidecar: its listeners, its workers, and the policy they decide by.
///
/// Usable from any task; what happens on the event loops is theirs.
package final class TollgateServer: Service {
    let settings: ServerSettings
    let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    /// One thread for all that is not on the way of requests, so that it holds up none of them.
    let background: MultiThreadedEventLoopGroup
    private let state: Mutex<State>
    private let reloading = Mutex<Void>(())
    /// The places for clients.
    let admission: ConnectionAdmission
    private let clients: ClientGuard
    private let keeper: JournalKeeper?
    /// Whether Redis takes what is written.
    let refusals: RedisRefusals
    /// Whether Redis lets us have functions.
    let functionRights: FunctionRights
    private let libraryUpkeep: LibraryUpkeep
    let seenRevision = SeenRevision()
    /// Its keys have to be named as this sidecar names them.
    private let requirement: RedisRequirement
    /// What was seen of Redis's data; nil where nothing is kept on disk.
    let markerFile: MarkerFile?
    /// The other sidecars that share Redis and namespace.
    let peers: PolicyPeers
    /// Yields the stores when they have been created, to the service that waits for them.
    private let created = AsyncStream.makeStream(of: Stores.self, bufferingPolicy: .bufferingNewest(1))

    private struct State {
        /// The policy file alone, and what it becomes with what administrators have set.
        var filePolicy: Policy
        var policy: Policy
        /// Nil until it has been read once.
        var shared: StoredShared?
        var policyState: InfoReport.PolicyState
        var workers: [NIOLoopBound<Worker>] = []
        var connections: StoreConnections?
        var watcher: PolicyWatcher?
        var publisher: OutboxRelay?
        var sweeper: AlertSweeper?
        var alertFeed: AlertFeed?
        var listeners: [(address: ListenAddress, channel: any Channel)] = []
        var startedAt = ContinuousClock.now
    }

    /// Throws an `OperatorError` about the first setting that cannot be. `policyFile` is only what INFO names.
    package init(settings: ServerSettings, policy: Policy, policyFile: String? = nil, logger: Logger) throws {
        try settings.validate()
        self.settings = settings
        self.logger = logger
        keeper = try settings.journalPath.map {
            try JournalKeeper(path: $0, capacity: settings.journalCapacity, logger: logger)
        }
        let fitting = OpenFiles.connections(
            below: OpenFiles.limit, eventLoops: settings.workers + System.coreCount + 1)
        admission = ConnectionAdmission(
            capacity: min(settings.maxConnections, fitting), name: "line port", logger: logger)
        clients = ClientGuard(settings: settings, logger: logger)
        group = MultiThreadedEventLoopGroup(numberOfThreads: settings.workers)
        background = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        refusals = RedisRefusals(logger: logger)
        functionRights = FunctionRights(logger: logger)
        requirement = settings.keySpace.requirement(logger: logger)
        libraryUpkeep = LibraryUpkeep(logger: logger)
        markerFile = settings.markerPath.map { MarkerFile(path: $0, settings: settings, logger: logger) }
        peers = PolicyPeers(interval: settings.peerInterval, logger: logger)
        let policyState = InfoReport.PolicyState(
            file: policyFile, loadedAt: Date.now.ISO8601Format(), digest: PolicyDigest.text(of: policy))
        state = Mutex(State(filePolicy: policy, policy: policy, policyState: policyState))
    }

    /// Starts, serves until graceful shutdown or cancellation, and then answers what is in flight.
    package func run() async throws {
        _ = try await start()
        try? await gracefulShutdown()
        await shutdown()
    }

    /// Starts workers and listeners; returns the addresses listened on, with the real ports. Does not wait for Redis.
    package func start() async throws -> [ListenAddress] {
        await keeper?.sumUpWaiting()
        var workers: [NIOLoopBound<Worker>] = []
        for eventLoop in group.makeIterator() {
            workers.append(try await makeWorker(on: eventLoop, isFirst: workers.isEmpty))
        }
        state.withLock { $0.workers = workers }
        keeper?.start(workers)
        try await startWatcher()
        startAlerts()
        try await startAlertFeed()
        if let stores {
            libraryUpkeep.start(stores.libraries)
            peers.start(stores.policy) { [weak self] in self?.state.withLock { $0.policyState.digest } ?? "" }
        }
        var addresses: [ListenAddress] = []
        do {
            for address in settings.listen {
                let channel = try await Listener(address: address, server: self, workers: workers).bind(group: group)
                state.withLock { $0.listeners.append((address, channel)) }
                addresses.append(address.bound(to: channel.localAddress))
            }
        } catch {
            await shutdown()
            throw error
        }
        logger.info("listening", metadata: ["addresses": "\(addresses.map(\.description).joined(separator: " "))"])
        if admission.capacity < settings.maxConnections { warnOfLimit() }
        return addresses
    }

    private func warnOfLimit() {
        logger.warning(
            """
            --max-connections \(settings.maxConnections): the limit of \(OpenFiles.limit) open files leaves room for \
            \(admission.capacity) connections; raise it (ulimit -n, LimitNOFILE)
            """)
    }

    private func makeWorker(on eventLoop: any EventLoop, isFirst: Bool) async throws -> NIOLoopBound<Worker> {
        let policy = state.withLock { $0.policy }
        let report: @Sendable () async -> InfoReport = { [weak self] in await self?.report() ?? InfoReport() }
        return try await eventLoop.submit {
            [weak self, settings, clients, logger, keeper, refusals, functionRights, requirement] in
            let link = RedisLink(
                address: settings.redis, requirement: requirement, eventLoop: eventLoop, logger: logger)
            link.onFunctionsDenied = functionRights.wereDenied
            link.library = .tollgate
            let worker = Worker(
                eventLoop: eventLoop, link: link, settings: settings, clients: clients, journal: keeper?.journal,
                policy: policy, logger: logger)
            worker.ledger.onJournaled = { [weak keeper] in keeper?.somethingWasKept() }
            worker.ledger.onRedisError = { [weak self] in if refusals.met($0) { self?.checkRedisSoon() } }
            if isFirst { self?.watchRedis(by: worker) }
            worker.report = report
            worker.start()
            return NIOLoopBound(worker, eventLoop: eventLoop)
        }.get()
    }

    private func startWatcher() async throws {
        let listener = PolicyWatcher.Listener(
            install: { [weak self] in self?.install($0) },
            learn: { [weak self] in self?.learn($0) },
            isBroken: { [weak self] sentence in
                for worker in self?.workers ?? [] {
                    worker.eventLoop.execute { worker.value.lookup.policyIsBroken(sentence) }
                }
            },
            settingsChanged: { [weak self] scope in
                for worker in self?.workers ?? [] {
                    worker.eventLoop.execute { worker.value.settingsChanged(of: scope) }
                }
            })
        let eventLoop = background.next()
        let (connections, watcher) = try await eventLoop.submit {
            [settings, logger, seenRevision, functionRights, requirement] in
            let connections = StoreConnections(
                eventLoop: eventLoop, settings: settings, requirement: requirement, seen: seenRevision,
                functionRights: functionRights, logger: logger)
            let watcher = PolicyWatcher(
                eventLoop: eventLoop, settings: settings, store: connections.stores.policy, listener: listener,
                logger: logger)
            connections.start()
            watcher.start()
            return (connections, watcher)
        }.get()
        state.withLock { ($0.connections, $0.watcher) = (connections, watcher) }
        created.continuation.yield(connections.stores)
    }

    /// Nil before there are alerts.
    var sweeper: AlertSweeper? { state.withLock { $0.sweeper } }

    /// From now on batches tell the publisher what there is to be published.
    func use(_ publisher: OutboxRelay, _ sweeper: AlertSweeper) {
        let workers = state.withLock { state in
            (state.publisher, state.sweeper) = (publisher, sweeper)
            return state.workers
        }
        for worker in workers {
            worker.eventLoop.execute { worker.value.ledger.onNotices = { publisher.take($0) } }
        }
    }

    /// Stops listening, answers what is in flight, closes every connection. Returns when all of that is done.
    package func shutdown() async {
        created.continuation.finish()
        let state = state.withLock { state in
            defer { state.listeners = [] }
            return state
        }
        for listener in state.listeners {
            if case .unix(let path) = listener.address { unlink(path) }
            try? await listener.channel.close()
        }
        for worker in state.workers {
            try? await worker.eventLoop.flatSubmit { worker.value.shutdown() }.get()
        }
        await state.sweeper?.stop()
        await state.publisher?.stop()
        // After the workers, as requests may wait for what is read; before those who may wait for a reply that never comes.
        await state.connections?.stop()
        await peers.stop()
        await libraryUpkeep.stop()
        await state.watcher?.stop()
        await state.alertFeed?.stop()
        await keeper?.stop()
        await markerFile?.close()
        try? await group.shutdownGracefully()
        try? await background.shutdownGracefully()
    }

    // MARK: - Policy

    /// From now on every worker decides by this policy file, and what administrators have set.
    package func install(_ policy: Policy) {
        let digest = PolicyDigest.text(of: policy)
        state.withLock { state in
            state.filePolicy = policy
            state.policyState.digest = digest
            state.policyState.loadedAt = Date.now.ISO8601Format()
            state.policyState.error = nil
        }
        installMerged()
    }

    /// From now on every worker decides by this, and the policy file.
    private func install(_ shared: StoredShared) {
        let isNew = state.withLock { state in
            defer { state.shared = shared }
            return state.shared?.policy != shared.policy
        }
        if isNew { installMerged() }
    }

    /// Also where tiers and assignments stay as they are.
    private func learn(_ kinds: Set<ScopeKind>) {
        let isNew = state.withLock { state in
            guard state.shared != nil else { return false }
            defer { state.shared?.kinds = kinds }
            return state.shared?.kinds != kinds
        }
        if isNew { installMerged() }
        for worker in workers { worker.eventLoop.execute { worker.value.learn(kinds) } }
    }

    private func installMerged() {
        state.withLock { state in
            state.policy = state.shared.map { state.filePolicy.merged(with: $0.policy) } ?? state.filePolicy
            let policy = state.policy
            // Within the lock: a later policy must not reach a worker before an earlier one.
            for worker in state.workers {
                worker.eventLoop.execute { worker.value.install(policy) }
            }
        }
    }

    /// The outcome of reading the policy file again.
    enum Reloading {
        /// What it says is in force.
        case installed
        /// It is a bad one, and changes nothing before it changes itself.
        case refused
        /// It could not be read, or became another one meanwhile: worth another try.
        case failed
    }

    /// Reads the policy file again if it still is what it was when it was looked at; a bad one is reported and changes nothing. One
    /// reading at a time, so that an older one never comes last.
    func reload(_ file: PolicyFile, ifStill stamp: PolicyFile.Stamp?) -> Reloading {
        reloading.withLock { _ in
            do {
                let policy = try file.load()
                guard file.stamp == stamp else { return .failed }
                install(policy)
                logger.info("policy reloaded", metadata: ["file": "\(file.path)"])
                for warning in policy.warnings { logger.warning("\(warning)") }
                return .installed
            } catch let error as PolicyError {
                guard file.stamp == stamp else { return .failed }
                noteReloadFailure(error)
                return .refused
            } catch {
                // Tried again and again, and logged once.
                if state.withLock({ $0.policyState.error }) != "\(error)" { noteReloadFailure(error) }
                return .failed
            }
        }
    }

    private func noteReloadFailure(_ error: any Error) {
        state.withLock { $0.policyState.error = "\(error)" }
        logger.error("policy not reloaded, the one in force stays: \(error)")
    }

    var workers: [NIOLoopBound<Worker>] { state.withLock { $0.workers } }

    var watcher: PolicyWatcher? { state.withLock { $0.watcher } }

    /// What is kept in Redis beside the counters; nil before `start()`.
    package var stores: Stores? { connections?.stores }

    /// Waits until `start()` has created the stores. For one caller. Throws `CancellationError` if the server stops before.
    package func startedStores() async throws -> Stores {
        for await stores in created.stream { return stores }
        throw CancellationError()
    }

    var connections: StoreConnections? { state.withLock { $0.connections } }

    /// What happens to alerts; nil before `start()`.
    var alertFeed: AlertFeed? {
        get { state.withLock { $0.alertFeed } }
        set { state.withLock { $0.alertFeed = newValue } }
    }

    /// What administrators have set; nil until it has been read.
    var shared: StoredShared? { state.withLock { $0.shared } }

    /// The policy file alone, and what it becomes with what administrators have set.
    var filePolicyAndEffective: (file: Policy, effective: Policy) { state.withLock { ($0.filePolicy, $0.policy) } }

    // MARK: - Report

    func report() async -> InfoReport {
        var report = InfoReport()
        let (workers, policyState, startedAt) = state.withLock { ($0.workers, $0.policyState, $0.startedAt) }
        report.policy = policyState
        report.policy.revision = shared?.revision
        report.policy.isSubscribed = watcher?.isSubscribed ?? false
        report.policy.differsFrom = peers.others
        report.uptimeSeconds = Int((ContinuousClock.now - startedAt).components.seconds)
        report.redis.address = settings.redis.description
        report.redis.refusal = refusals.state.map(InfoReport.Refusal.init)
        report.notReady = await notReady
        report.alerts = alertFeed?.report ?? InfoReport.AlertState()
        report.clients = admission.report
        report.clients.wrongTokens = clients.wrongTokens.total
        report.clients.foreign = clients.foreignTraffic.total
        report.journal = keeper.map { InfoReport.JournalState($0.journal) }
        for worker in workers {
            let part = try? await worker.eventLoop.submit {
                let worker = worker.value
                return (
                    worker.currentCounts, worker.ledger.stateDescription, worker.link.usesFunctions,
                    worker.health.map(InfoReport.Health.init)
                )
            }
            .get()
            guard let (counts, link, usesFunctions, health) = part else { continue }
            report.counts = report.counts + counts
            report.redis.links.append(link)
            if !usesFunctions { report.redis.functions = "no (evalsha)" }
            if let health { report.redis.health = health }
        }
        let (resolved, lookedUp) = (report.counts.scopesResolved, report.counts.scopesLookedUp)
        if resolved > 0 {
            report.cacheHitRate = (Double(max(resolved - lookedUp, 0)) / Double(resolved) * 10_000).rounded() / 10_000
        }
        return report
    }
}

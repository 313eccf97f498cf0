import Foundation
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
package import TollgateCore
import TollgateLedger
package import TollgatePolicy
import TollgateRedis
package import TollgateStores

/// A sidecar: creates its parts, starts them in order, and stops them in reverse order. Usable from any task.
package final class Sidecar: Service {
    private let settings: ServerSettings
    private let logger: Logger
    /// The event loops of the workers. `CheckAllocations` finds the property by its name.
    private let group: MultiThreadedEventLoopGroup
    /// One thread for everything that is not on the path of requests.
    private let background: MultiThreadedEventLoopGroup
    private let admission: ConnectionAdmission
    private let journal: Journal?
    private let markerFile: MarkerFile?
    let workers: [NIOLoopBound<Worker>]
    let peers: PolicyPeers
    private let watcher: PolicyWatcher
    private let recovery: RedisRecovery
    private let sweeper: AlertSweeper
    private let info: InfoReporter
    private let services: BackgroundServices
    /// The addresses on which the sidecar listens.
    package let addresses = ListeningAddresses()
    private let listeners = Mutex<[(address: ListenAddress, channel: any Channel)]>([])
    /// The name of this sidecar for the others of its namespace: its host and process.
    package var name: String { peers.name }
    /// The policy by which the workers decide.
    package let activePolicy: ActivePolicy
    /// The data in Redis other than the counters.
    package let stores: Stores
    /// The models without a price that requests have named.
    package let unknownModels: UnknownModels
    /// The states of the accounts that this sidecar reads, which the service that reads them publishes.
    package let accountReadings = AccountReadings()
    /// The receivers of alerts.
    package let receivers: AlertReceivers
    /// The level of the log.
    package let logLevel: LogThreshold
    /// The state of the file with the clients' token.
    package let tokenFile = ReloadedFile()
    /// The state of the file with the access to the admin API, which that API publishes.
    package let accessFile = ReloadedFile()

    /// Creates the parts of a sidecar. None of them does anything before `start()`.
    ///
    /// - Parameters:
    ///   - policyFile: The path of the policy file, for STATUS.
    ///   - prices: The price file, which the prices of the policy take precedence over; nil for none.
    ///   - receivers: The receivers of alerts, for STATUS and the admin API.
    ///   - logLevel: The level of the log, for STATUS and the admin API.
    /// - Throws: An `OperatorError` about the first invalid setting, or about the journal.
    package init(
        settings: ServerSettings, policy: Policy, policyFile: String? = nil, prices: PriceSource? = nil,
        receivers: AlertReceivers = AlertReceivers(), logLevel: LogThreshold = LogThreshold(.info), logger: Logger
    ) async throws {
        try settings.validate()
        var settings = settings
        settings.moneyUnit = policy.moneyUnit
        self.settings = settings
        self.receivers = receivers
        self.logLevel = logLevel
        self.logger = logger
        journal = try settings.journalPath.map {
            try JournalKeeper.open(
                path: $0, capacity: settings.journalCapacity, moneyUnit: policy.moneyUnit)
        }
        group = MultiThreadedEventLoopGroup(numberOfThreads: settings.workers)
        background = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let fitting = OpenFiles.connections(
            below: OpenFiles.limit, eventLoops: settings.workers + System.coreCount + 1)
        admission = ConnectionAdmission(
            capacity: min(settings.maxConnections, fitting), name: "line port", logger: logger)

        let parts = SidecarParts(settings: settings, logger: logger)
        markerFile = settings.markerPath.map { MarkerFile(path: $0, settings: settings, logger: logger) }
        let marker = markerFile?.read()
        parts.seenRevision.note(marker?.revision ?? 0)

        let loop = background.next()
        let (connections, feed) = try await parts.makeConnections(on: loop)
        stores = connections.stores
        let workers = try await parts.makeWorkers(
            on: group, feed: feed, journal: journal, policy: policy.priced(with: prices?.table ?? PriceTable()))
        self.workers = workers
        let activePolicy = ActivePolicy(
            policy, file: policyFile, prices: prices, workers: workers)
        self.activePolicy = activePolicy
        watcher = try await loop.submit { [stores] in
            PolicyWatcher(
                eventLoop: loop, settings: settings, store: stores.policy, policy: activePolicy,
                linkLog: parts.linkLog, logger: logger)
        }.get()
        peers = PolicyPeers(
            interval: settings.peerInterval, store: stores.policy, policy: activePolicy,
            addresses: addresses, logger: logger)
        recovery = RedisRecovery(
            workers: workers, connections: connections, watcher: watcher,
            author: Author(name: "tollgate", address: peers.name), namespace: settings.namespace)
        let relay = OutboxRelay(store: stores.alerts, logger: logger)
        sweeper = AlertSweeper(
            store: stores.alerts, interval: settings.alertSweep, logger: logger,
            policy: { activePolicy.policies.effective }, review: { await workers[0].reviewAlerts(of: $0) })
        let reservationSweeper = ReservationSweeper(
            queue: stores.charges, interval: settings.chargeSweep, logger: logger,
            sweep: { await workers[0].sweepReservations(of: $0) })
        let modelReporter = UnknownModelReporter(
            models: parts.unknownModels, store: stores.alerts, interval: settings.unknownModelInterval, logger: logger)
        unknownModels = parts.unknownModels
        let keeper = journal.map { JournalKeeper(journal: $0, workers: workers, logger: logger) }
        info = InfoReporter(
            settings: settings, workers: workers, policy: activePolicy, watcher: watcher, peers: peers,
            alertFeed: feed, receivers: receivers, admission: admission, clients: parts.clients,
            refusals: parts.refusals, journal: journal, addresses: addresses, unknownModels: parts.unknownModels,
            accountReadings: accountReadings, tokenFile: tokenFile, accessFile: accessFile, logLevel: logLevel)

        // They stop in reverse order. The relay needs the connections for the rest of its queue. All services before
        // the connections may wait for a reply, which the closed connections fail.
        var services: [any Service] = [
            AlertBroadcast(feed: feed, workers: workers), watcher,
            LibraryUpkeep(libraries: stores.libraries, logger: logger), peers, connections, relay, sweeper,
            reservationSweeper, modelReporter,
        ]
        if let keeper { services.insert(keeper, at: 0) }
        self.services = BackgroundServices(services, logger: logger)
        try await connectCallbacks(relay, keeper, parts.refusals)
        try await watchRedis(marker?.marker ?? RunMarker(), parts)
    }

    // MARK: - Life

    /// Starts, serves until graceful shutdown or cancellation, and then answers the requests in flight.
    package func run() async throws {
        _ = try await start()
        try? await gracefulShutdown()
        await shutdown()
    }

    /// Starts workers, background services and listeners, in this order. Does not wait for Redis.
    ///
    /// - Returns: The addresses, with the real ports.
    /// - Throws: An `OperatorError` that names the address that cannot be listened on. The sidecar is shut down then.
    package func start() async throws -> [ListenAddress] {
        await journal?.sumUpWaiting()
        for worker in workers { try await worker.eventLoop.submit { worker.value.start() }.get() }
        services.start()
        var addresses: [ListenAddress] = []
        do {
            for address in settings.listen {
                let listener = Listener(
                    address: address, admission: admission, workers: workers, idleTimeout: settings.idleTimeout)
                let channel = try await listener.bind(group: group)
                listeners.withLock { $0.append((address, channel)) }
                addresses.append(address.bound(to: channel.localAddress))
            }
        } catch {
            await shutdown()
            throw error
        }
        self.addresses.line = addresses
        logger.debug("listening", metadata: ["addresses": "\(addresses.map(\.description).joined(separator: " "))"])
        if admission.capacity < settings.maxConnections {
            logger.warning(
                """
                --max-connections \(settings.maxConnections): the limit of \(OpenFiles.limit) open files leaves room for \
                \(admission.capacity) connections; raise it (ulimit -n, LimitNOFILE)
                """)
        }
        return addresses
    }

    /// Stops listening, answers the requests in flight, stops the background services, and closes all connections.
    /// Returns when that is done.
    package func shutdown() async {
        let open = listeners.withLock { listeners in
            defer { listeners = [] }
            return listeners
        }
        for listener in open {
            if case .unix(let path) = listener.address { unlink(path) }
            try? await listener.channel.close()
        }
        for worker in workers {
            try? await worker.eventLoop.flatSubmit { worker.value.shutdown() }.get()
        }
        await peers.leave()
        await services.stop()
        await markerFile?.close()
        try? await group.shutdownGracefully()
        try? await background.shutdownGracefully()
    }

    // MARK: - State

    /// The policy file alone, and the active policy.
    package var policies: ActivePolicy.Policies { activePolicy.policies }

    /// The path of the journal; nil without one.
    var journalPath: String? { settings.journalPath }

    /// The reasons why the sidecar is not ready, as sentences; empty if it is.
    package var notReady: [String] {
        get async { await info.notReady }
    }

    /// The version of Redis; nil before it was reached, and if Redis does not report it.
    package var redisVersion: String? {
        get async { try? await workers[0].eventLoop.submit { [workers] in workers[0].value.link.redisVersion }.get() }
    }

    /// Whether Redis answers and accepts writes, and the administrators' settings are known.
    package var isReady: Bool {
        get async { await notReady.isEmpty }
    }

    /// The report of STATUS and INFO.
    package func report() async -> InfoReport { await info.report() }

    // MARK: - Changes

    /// Puts a change by this sidecar into force: requests that come after the return are decided by it. Redis announces
    /// the change to other sidecars.
    ///
    /// - Parameter scope: The changed scope; nil for tiers, accounts, and assignments of roles, domains and everyone.
    package func settingsChanged(of scope: Scope?) async {
        guard let scope else {
            // After an error they are read when Redis announces the change.
            try? await watcher.read()
            // Waits until each loop has run the installation that was handed to it before.
            for worker in workers { try? await worker.eventLoop.submit {}.get() }
            return
        }
        // The first scope of its kind may be composite: then requests have to be joined into such scopes from now on.
        if activePolicy.stored?.kinds.contains(scope.kind) != true { try? await watcher.read() }
        for worker in workers {
            try? await worker.eventLoop.submit { worker.value.settingsChanged(of: scope) }.get()
        }
        reviewAlerts(of: scope)
    }

    /// Resolves and opens alerts after a change of a scope's limits or counters, without waiting for a request. Returns
    /// immediately.
    package func reviewAlerts(of scope: Scope) {
        workers[0].reviewAlerts(of: scope, orLeaveTo: sweeper)
    }

    /// Changes the level of the log, for a time or until the next change. Returns the state before and after.
    package func setLogLevel(
        _ level: Logger.Level, for duration: Duration?
    ) -> (before: LogThreshold.State, after: LogThreshold.State) {
        logLevel.set(level, for: duration, logger: logger)
    }

    /// Replaces the token that clients send. Connections that are authenticated stay so; from the return on, all others
    /// need the new token. The sidecar must have had a token from the start.
    package func install(token: String) async {
        for worker in workers { try? await worker.eventLoop.submit { worker.value.install(token: token) }.get() }
    }

    // MARK: - Connecting the parts

    /// Sets the callbacks of the workers.
    private func connectCallbacks(_ relay: OutboxRelay, _ keeper: JournalKeeper?, _ refusals: RedisRefusals)
        async throws
    {
        for worker in workers {
            try await worker.eventLoop.submit { [weak self, weak keeper, recovery, admission] in
                let worker = worker.value
                worker.ledger.onNotices = { relay.take($0) }
                worker.ledger.onJournaled = { [weak keeper] in keeper?.entryWasAdded() }
                worker.ledger.onRedisError = { [weak recovery] in if refusals.met($0) { recovery?.checkSoon() } }
                worker.sessions.isFull = { admission.isFull }
                worker.infoQueue.report = { [weak self] in await self?.report() ?? InfoReport() }
            }.get()
        }
    }

    /// Lets the first worker check Redis.
    private func watchRedis(_ marker: RunMarker, _ parts: SidecarParts) async throws {
        let first = workers[0]
        try await first.eventLoop.submit { [recovery, markerFile, settings, activePolicy, logger] in
            let listener = RedisHealth.Listener(
                onDataLoss: { [weak recovery] in recovery?.dataWasLost(isFirst: $0) },
                onMarker: { markerFile?.note($0, revision: parts.seenRevision.last) },
                onOtherLayout: { [weak recovery] in recovery?.reconnect() })
            first.value.health = RedisHealth(
                link: first.value.link, keySpace: settings.keySpace, marker: marker, seen: parts.seenRevision,
                refusals: parts.refusals, gate: RedisGate(refusing: settings.refusedRedisRisks),
                countsOverDays: { activePolicy.policies.effective.countsOverDays }, listener: listener, logger: logger)
        }.get()
    }
}

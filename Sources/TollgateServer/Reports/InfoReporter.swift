import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateRedis
import TollgateStores

/// Makes the report of STATUS and INFO, and decides whether the sidecar is ready. Usable from any task.
struct InfoReporter: Sendable {
    let settings: ServerSettings
    let workers: [NIOLoopBound<Worker>]
    let policy: ActivePolicy
    let watcher: PolicyWatcher
    let peers: PolicyPeers
    let alertFeed: AlertFeed
    let receivers: AlertReceivers
    let admission: ConnectionAdmission
    let clients: ClientGuard
    let refusals: RedisRefusals
    let journal: Journal?
    let addresses: ListeningAddresses
    let unknownModels: UnknownModels
    let accountReadings: AccountReadings
    let tokenFile: ReloadedFile
    let accessFile: ReloadedFile
    let logLevel: LogThreshold
    let startedAt = ContinuousClock.now

    /// Makes a report. Takes a hop to the event loop of each worker.
    func report() async -> InfoReport {
        var report = InfoReport()
        report.policy = policy.info
        report.policy.isSubscribed = watcher.isSubscribed
        report.policy.differsFrom = peers.others
        report.prices = policy.priceInfo
        report.prices.unknownModelRequests = unknownModels.requests
        report.accounts = accounts
        report.uptimeSeconds = Int((ContinuousClock.now - startedAt).components.seconds)
        report.listen = addresses.line.map(\.description)
        report.admin = addresses.admin?.description
        report.metrics = addresses.metrics?.description
        report.redis.address = settings.redis.description
        report.redis.refusal = refusals.state.map(InfoReport.Refusal.init)
        report.notReady = await notReady
        report.alerts = alertFeed.report
        report.alerts.receiversFile = receivers.file
        report.alerts.receiversError = receivers.error
        report.clients = admission.report
        report.clients.wrongTokens = clients.wrongTokens.total
        report.clients.foreign = clients.foreignTraffic.total
        let token = tokenFile.state
        (report.clients.tokenFile, report.clients.tokenLoadedAt) = (token.path, token.loadedAt)
        report.clients.tokenError = token.error
        report.log = InfoReport.LogState(logLevel.state)
        report.access = InfoReport.AccessState(accessFile.state)
        report.journal = journal.map(InfoReport.JournalState.init)
        var namedKinds: Set<ScopeKind> = []
        for worker in workers {
            let part = try? await worker.eventLoop.submit {
                let worker = worker.value
                return (
                    worker.currentCounts, worker.ledger.stateDescription, worker.link.usesFunctions,
                    worker.link.redisVersion, worker.health.map(InfoReport.Health.init),
                    worker.resolver.unlimited.byKind, worker.resolver.cache.namedKinds
                )
            }
            .get()
            guard let (counts, link, usesFunctions, version, health, unlimited, named) = part else { continue }
            report.counts = report.counts + counts
            report.scopes.unlimitedDecisions.merge(unlimited, uniquingKeysWith: +)
            namedKinds.formUnion(named)
            report.redis.links.append(link)
            report.redis.version = version ?? report.redis.version
            if !usesFunctions { report.redis.functions = "no (evalsha)" }
            if let health { report.redis.health = health }
        }
        report.scopes.limitedKindsNotNamed = policy.policies.effective.limitedKinds.subtracting(namedKinds)
            .subtracting([.global]).map(\.description).sorted()
        let (resolved, lookedUp) = (report.counts.scopesResolved, report.counts.scopesLookedUp)
        if resolved > 0 {
            report.cacheHitRate = (Double(max(resolved - lookedUp, 0)) / Double(resolved) * 10_000).rounded() / 10_000
        }
        return report
    }

    private var accounts: InfoReport.AccountState {
        let readings = accountReadings.snapshot
        var state = InfoReport.AccountState()
        let effective = policy.policies.effective
        state.configured = effective.accounts.count
        state.notBound = effective.accountsNotBound
        state.readsHere = readings.isReader
        state.fresh = readings.states.values.count { $0 == .fresh }
        state.stale = readings.states.values.count { $0 == .stale }
        state.failing = readings.states.filter { $0.value == .failing }.keys.sorted()
        return state
    }

    /// The reasons why the sidecar is not ready, as sentences; empty if it is.
    var notReady: [String] {
        get async {
            var reasons: [String] = []
            for worker in workers {
                let part = try? await worker.eventLoop.submit { () -> (Bool, String, [String]) in
                    let worker = worker.value
                    return (worker.ledger.isReady, worker.ledger.stateDescription, worker.health?.refusals ?? [])
                }.get()
                let (isReady, state, refusals) = part ?? (false, "closed", [])
                let reason = "no connection to Redis: \(state)"
                if !isReady, !reasons.contains(reason) { reasons.append(reason) }
                if isReady { reasons += refusals }
            }
            if let refusal = refusals.state?.refusal { reasons.append("Redis refuses writes: \(refusal.sentence)") }
            if reasons.isEmpty, policy.stored == nil {
                reasons.append("the administrator settings have not been loaded yet")
            }
            return reasons
        }
    }
}

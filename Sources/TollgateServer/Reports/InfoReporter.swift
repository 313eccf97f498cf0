import NIOCore
import TollgateCore
import TollgateLedger
import TollgateRedis
import TollgateStores

/// Makes the report of INFO, and decides whether the sidecar is ready. Usable from any task.
struct InfoReporter: Sendable {
    let settings: ServerSettings
    let workers: [NIOLoopBound<Worker>]
    let policy: ActivePolicy
    let watcher: PolicyWatcher
    let peers: PolicyPeers
    let alertFeed: AlertFeed
    let admission: ConnectionAdmission
    let clients: ClientGuard
    let refusals: RedisRefusals
    let journal: Journal?
    let startedAt = ContinuousClock.now

    /// Makes a report. Takes a hop to the event loop of each worker.
    func report() async -> InfoReport {
        var report = InfoReport()
        report.policy = policy.info
        report.policy.isSubscribed = watcher.isSubscribed
        report.policy.differsFrom = peers.others
        report.uptimeSeconds = Int((ContinuousClock.now - startedAt).components.seconds)
        report.redis.address = settings.redis.description
        report.redis.refusal = refusals.state.map(InfoReport.Refusal.init)
        report.notReady = await notReady
        report.alerts = alertFeed.report
        report.clients = admission.report
        report.clients.wrongTokens = clients.wrongTokens.total
        report.clients.foreign = clients.foreignTraffic.total
        report.journal = journal.map(InfoReport.JournalState.init)
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

    /// The reasons why the sidecar is not ready, as sentences; empty if it is.
    var notReady: [String] {
        get async {
            var reasons: [String] = []
            for worker in workers {
                let (isReady, state) =
                    (try? await worker.eventLoop.submit {
                        (worker.value.ledger.isReady, worker.value.ledger.stateDescription)
                    }.get()) ?? (false, "closed")
                let reason = "no connection to Redis: \(state)"
                if !isReady, !reasons.contains(reason) { reasons.append(reason) }
            }
            if let refusal = refusals.state?.refusal { reasons.append("Redis refuses writes: \(refusal.sentence)") }
            if reasons.isEmpty, policy.stored == nil {
                reasons.append("the administrator settings have not been loaded yet")
            }
            return reasons
        }
    }
}

/// The requests for INFO on one event loop. Makes one report at a time, for all requests that wait for it. Owned by
/// that loop.
final class InfoQueue {
    private let eventLoop: any EventLoop
    private var waiting: [(Result<ByteBuffer, any Error>) -> Void] = []
    private var isReporting = false
    /// Makes the report. Set once, before the first connection.
    var report: @Sendable () async -> InfoReport = { InfoReport() }
    /// Called when requests have been answered.
    var onDelivered: () -> Void = {}

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Calls back later with a report as JSON.
    func request(_ completion: @escaping (Result<ByteBuffer, any Error>) -> Void) {
        waiting.append(completion)
        if !isReporting { makeReport() }
    }

    private func makeReport() {
        isReporting = true
        let answered = waiting
        waiting = []
        let bound = NIOLoopBound((queue: self, answered: answered), eventLoop: eventLoop)
        eventLoop.makeFutureWithTask { [report] in
            let current = await report()
            return Result { try JSONReply.bytes(current) }
        }.whenSuccess { json in
            let (queue, answered) = bound.value
            for completion in answered { completion(json) }
            queue.isReporting = false
            queue.onDelivered()
            if !queue.waiting.isEmpty { queue.makeReport() }
        }
    }
}

import Foundation
import NIOCore
package import TollgateLedger
import TollgateRedis
package import TollgateStores
package import TollgateWire

/// Everything that `/metrics` reports of a sidecar at some moment.
package struct SidecarMetrics: Sendable {
    /// The report of STATUS.
    package var report: InfoReport
    /// The answers and times of all workers.
    package var tally = TallySnapshot()
    package var errors: [ErrorCode: Int] = [:]
    /// Whether every worker has a usable connection to Redis.
    package var isRedisUp = true
    /// Workers that answer without Redis.
    package var openBreakers = 0
    /// Full batches that wait for the one in flight.
    package var waitingBatches = 0
    /// Scopes of requests and reads whose settings were cached.
    package var cacheHits = 0
    /// The size of the journal's files; nil without a journal.
    package var journalBytes: Int64?
    package var policyReloadFailures: Int
    package var priceReloadFailures: Int
    package var receiverReloadFailures: Int
    package var tokenReloadFailures: Int
    package var accessReloadFailures: Int
    package var deliveries: [String: [DeliveryCounts.Outcome: Int]]
    package var process = ProcessMetrics.read()
}

extension Sidecar {
    /// Reads the metrics of this process. Takes a hop to the event loop of each worker; nothing of it asks Redis.
    package func metrics() async -> SidecarMetrics {
        let reloads = activePolicy.reloadFailures
        var metrics = SidecarMetrics(
            report: await report(), journalBytes: journalBytes, policyReloadFailures: reloads.policy,
            priceReloadFailures: reloads.prices, receiverReloadFailures: receivers.reloadFailures,
            tokenReloadFailures: tokenFile.failures, accessReloadFailures: accessFile.failures,
            deliveries: receivers.counts.all)
        for worker in workers {
            let part = try? await worker.eventLoop.submit {
                let worker = worker.value
                return (
                    worker.ledger.tally.snapshot(), worker.errors, worker.link.isReady, worker.ledger.isReady,
                    worker.ledger.waitingBatches, worker.cacheHits()
                )
            }.get()
            guard let (tally, errors, isConnected, isReady, waiting, hits) = part else { continue }
            metrics.tally.add(tally)
            metrics.errors.merge(errors, uniquingKeysWith: +)
            metrics.waitingBatches += waiting
            metrics.cacheHits += hits
            if !isConnected { metrics.isRedisUp = false }
            if !isReady { metrics.openBreakers += 1 }
        }
        return metrics
    }

    /// The size of the journal's files; nil without a journal.
    private var journalBytes: Int64? {
        journalPath.map { path in
            ["", "-wal", "-shm"].reduce(0) { sum, suffix in
                let attributes = try? FileManager.default.attributesOfItem(atPath: path + suffix)
                return sum + ((attributes?[.size] as? NSNumber)?.int64Value ?? 0)
            }
        }
    }
}

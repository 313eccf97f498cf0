package import TollgateCore
import TollgatePolicy
package import TollgateStores

/// What metrics report of the data in Redis: alerts, deliveries and accounts of all sidecars of the namespace.
package struct StoredMetrics: Sendable {
    package struct AlertGroup: Hashable, Sendable {
        package var severity: Alert.Severity
        package var kind: Alert.Kind

        package init(_ severity: Alert.Severity, _ kind: Alert.Kind) {
            (self.severity, self.kind) = (severity, kind)
        }
    }

    package struct Receiver: Sendable {
        package var name: String
        /// The events that wait for their first delivery or for a retry.
        package var waiting: Int64
        package var deadLettered: Int64
    }

    package struct AccountFreshness: Sendable {
        package var id: String
        package var provider: String
        /// The seconds since the last successful reading; nil before the first one.
        package var age: Double?
        /// The seconds between two readings.
        package var interval: Double
        /// The drift of the last closed day that both sides have, as a share of the provider's figure.
        package var drift: Double?
    }

    /// Open and acknowledged alerts, at most the newest 1 000.
    package var alerts: [AlertGroup: Int] = [:]
    package var receivers: [Receiver] = []
    package var accounts: [AccountFreshness] = []
}

/// Reads the stored metrics, at most once in 15 seconds however often they are asked for, so that scrapes put no load on
/// Redis. Usable from any task.
package actor StoredMetricsReader {
    private static let interval = Duration.seconds(15)
    private static let maxAlerts = 1_000
    /// The days before today of which the last one that can be compared counts.
    private static let driftDays: Int64 = 3

    private let sidecar: Sidecar
    private var last: (metrics: StoredMetrics?, readAt: ContinuousClock.Instant)?
    private var reading: Task<StoredMetrics?, Never>?

    package init(_ sidecar: Sidecar) {
        self.sidecar = sidecar
    }

    /// The metrics, up to 15 seconds old; nil if Redis could not be asked.
    package func metrics() async -> StoredMetrics? {
        if let last, last.readAt + Self.interval > .now { return last.metrics }
        if let reading { return await reading.value }
        let task = Task { await read() }
        reading = task
        let metrics = await task.value
        (last, reading) = ((metrics, .now), nil)
        return metrics
    }

    private func read() async -> StoredMetrics? {
        let stores = sidecar.stores
        do {
            var metrics = StoredMetrics()
            for alert in try await stores.alerts.active(atMost: Self.maxAlerts) {
                metrics.alerts[.init(alert.severity, alert.kind), default: 0] += 1
            }
            for receiver in sidecar.receivers.active {
                let report = try await DeliveryQueue(stores.alerts, receiver: receiver.name).report(atMost: 0)
                metrics.receivers.append(
                    .init(
                        name: receiver.name, waiting: (report.unread ?? 0) + report.pending,
                        deadLettered: report.deadLetteredCount))
            }
            metrics.accounts = try await accounts()
            return metrics
        } catch {
            return nil
        }
    }

    private func accounts() async throws(StoreError) -> [StoredMetrics.AccountFreshness] {
        let policy = sidecar.policies.effective
        let accounts = policy.accounts.sorted { $0.key < $1.key }
        guard !accounts.isEmpty else { return [] }
        let now = try await sidecar.stores.alerts.redisTime()
        let today = UTCDay(containing: now / 1_000)
        let days = today.advanced(by: -Self.driftDays)...today.advanced(by: -1)
        var result: [StoredMetrics.AccountFreshness] = []
        for ((id, account), stored) in zip(accounts, try await sidecar.stores.accounts.accounts(accounts.map(\.key))) {
            // A malformed account is reported by the API; it has no figures.
            guard let stored = try? stored.get().figures(of: account) else { continue }
            let drift = try await DriftReader(history: sidecar.stores.history)
                .drift(of: id, account, stored, on: days, in: policy, at: now)
            result.append(
                .init(
                    id: id, provider: account.provider.rawValue,
                    age: stored.state.lastSuccess.map { Double(max(0, now - $0)) / 1_000 },
                    interval: Double(account.interval),
                    // As for alerts: what was used before the first record of a day is missing, rather than wrong.
                    drift: drift.last { $0.status == .compared && !$0.isFirst }?.largestShare))
        }
        return result
    }
}

extension AccountDrift {
    /// The drift of tokens or of cost that is farther from 0, as a share of the provider's figure; nil without one.
    fileprivate var largestShare: Double? {
        [tokenDrift, costDrift].compactMap { $0?.tenths.map { Double($0) / 1_000 } }
            .max { abs($0) < abs($1) }
    }
}

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

/// Reads the stored metrics (`ScrapedValue`). Usable from any task.
package actor StoredMetricsReader {
    private static let maxAlerts = 1_000
    /// The days before today of which the last one that can be compared counts.
    private static let driftDays: Int64 = 3
    /// The time for which the drift of closed days is kept: it takes many reads, and changes rarely.
    private static let driftInterval = Duration.seconds(600)

    private let sidecar: Sidecar
    private let scraped = ScrapedValue<StoredMetrics>()
    /// The drift of accounts, with the times at which it was read here.
    private var drifts: [String: (drift: Double?, readAt: ContinuousClock.Instant)] = [:]

    package init(_ sidecar: Sidecar) {
        self.sidecar = sidecar
    }

    /// The metrics; nil if Redis could not be asked.
    package func metrics() async -> StoredMetrics? { await scraped.value { await self.read() } }

    /// Reads everything. What is malformed is left out, and the API reports it.
    private func read() async -> StoredMetrics? {
        let stores = sidecar.stores
        guard let now = try? await stores.alerts.redisTime() else { return nil }
        var metrics = StoredMetrics()
        for alert in (try? await stores.alerts.active(atMost: Self.maxAlerts)) ?? [] {
            metrics.alerts[.init(alert.severity, alert.kind), default: 0] += 1
        }
        for receiver in sidecar.receivers.active {
            let queue = DeliveryQueue(stores.alerts, receiver: receiver.name)
            guard let report = try? await queue.report(atMost: 0) else { continue }
            metrics.receivers.append(
                .init(
                    name: receiver.name, waiting: (report.unread ?? 0) + report.pending,
                    deadLettered: report.deadLetteredCount))
        }
        metrics.accounts = await accounts(at: now)
        return metrics
    }

    /// - Parameter now: Unix ms.
    private func accounts(at now: Int64) async -> [StoredMetrics.AccountFreshness] {
        let policy = sidecar.policies.effective
        let accounts = policy.accounts.sorted { $0.key < $1.key }
        drifts = drifts.filter { policy.accounts[$0.key] != nil }
        guard !accounts.isEmpty, let all = try? await sidecar.stores.accounts.accounts(accounts.map(\.key)) else {
            return []
        }
        var result: [StoredMetrics.AccountFreshness] = []
        for ((id, account), stored) in zip(accounts, all) {
            guard let stored = try? stored.get().figures(of: account) else { continue }
            result.append(
                .init(
                    id: id, provider: account.provider.rawValue,
                    age: stored.state.lastSuccess.map { Double(max(0, now - $0)) / 1_000 },
                    interval: Double(account.interval), drift: await drift(of: id, account, stored, policy, at: now)))
        }
        return result
    }

    private func drift(
        of id: String, _ account: Account, _ stored: StoredAccount, _ policy: Policy, at now: Int64
    ) async -> Double? {
        if let known = drifts[id], known.readAt + Self.driftInterval > .now { return known.drift }
        let today = UTCDay(containing: now / 1_000)
        let days = today.advanced(by: -Self.driftDays)...today.advanced(by: -1)
        let all = try? await DriftReader(history: sidecar.stores.history)
            .drift(of: id, account, stored, on: days, in: policy, at: now)
        // As for alerts: what was used before the first record of a day is missing, rather than wrong.
        let drift = all?.last { $0.status == .compared && !$0.isFirst }?.largestShare
        // One without figures yet is looked for again with the next reading.
        if drift != nil { drifts[id] = (drift, .now) }
        return drift
    }
}

extension AccountDrift {
    /// The drift of tokens or of cost that is farther from 0, as a share of the provider's figure; nil without one.
    fileprivate var largestShare: Double? {
        [tokenDrift, costDrift].compactMap { $0?.tenths.map { Double($0) / 1_000 } }
            .max { abs($0) < abs($1) }
    }
}

package import Logging
import TollgateCore
package import TollgatePolicy
package import TollgateStores

/// Opens and resolves the alerts about the drift of accounts from their providers' figures, after each reading.
///
/// There is one alert for each account and closed day, by an id that all sidecars derive alike. Usable from any task.
package struct DriftAlerts: Sendable {
    private let reader: DriftReader
    private let alerts: AlertStore
    private let policy: @Sendable () -> Policy
    private let logger: Logger
    private let warnings: OnceLog

    /// - Parameter policy: Returns the active policy.
    package init(
        alerts: AlertStore, history: HistoryStore, policy: @escaping @Sendable () -> Policy, logger: Logger
    ) {
        reader = DriftReader(history: history)
        self.alerts = alerts
        self.policy = policy
        self.logger = logger
        warnings = OnceLog(logger)
    }

    /// Compares the days of an account whose alerts have not ended. What fails is repeated after the next reading.
    ///
    /// It runs after every reading, not only after one that changed days: usage of ours that is reported late, a refund
    /// and another threshold change the outcome too.
    ///
    /// - Parameters:
    ///   - reading: A reading that succeeded.
    ///   - state: The state after it.
    ///   - newDays: The days that were read.
    func review(
        _ reading: AccountReaders.Reading, _ state: AccountSyncState, _ newDays: [String: AccountFigures]
    ) async {
        let (id, now) = (reading.id, reading.now)
        let stored = StoredAccount(state: state, days: reading.stored.days.merging(newDays) { _, new in new })
        do throws(StoreError) {
            guard let scope = try? Account.scope(id) else { return }
            let policy = policy()
            let today = UTCDay(containing: now / 1_000)
            let days = today.advanced(by: -Alert.driftDays)...today.advanced(by: -1)
            // A provider of quotas alone has no days.
            guard stored.days.contains(where: { $0.key >= "\(days.lowerBound)" }) else { return }
            for day in try await reader.drift(of: id, reading.account, stored, on: days, in: policy, at: now)
            where day.status == .compared {
                try await update(day, of: scope, past: policy.driftThreshold, at: now)
            }
        } catch {
            // The links log a lost connection.
            if !error.maySucceedLater { warnings.warn("cannot review the drift of account \(id): \(error)") }
        }
    }

    private func update(
        _ day: AccountDrift, of scope: Scope, past threshold: Int, at now: Int64
    ) async throws(StoreError) {
        guard let meter = day.meter(past: threshold) else {
            return try await resolve(day, of: scope, at: now)
        }
        // Usage before the first record of the day is missing, rather than wrong.
        guard !day.isFirst else { return }
        guard let alert = Alert(day, meter, of: scope, past: threshold, at: now) else {
            return warnings.warn("no alert about the drift of \(scope) on \(day.day): its cost is too large")
        }
        guard try await alerts.open(alert) else { return }
        logger.warning(
            "our usage of the account differs from the provider's figures; see tollgate report drift",
            metadata: [
                "account": "\(scope.parts.first?.id ?? "")", "day": "\(day.day)",
                "tokens": "\(Self.text(day.tokenDrift))", "cost": "\(Self.text(day.costDrift))",
            ])
    }

    /// Resolves the alert about a day that is not past the threshold, if there is one.
    private func resolve(_ day: AccountDrift, of scope: Scope, at now: Int64) async throws(StoreError) {
        let id = Alert.driftID(of: scope, on: day.day)
        guard let alert = try await alerts.alert(id), alert.state != .resolved else { return }
        let isCorrected = day.meter(past: alert.threshold) == nil
        try await alerts.end(id, for: isCorrected ? .corrected : .limitRaised, at: now)
    }

    private static func text(_ drift: Drift?) -> String { drift?.description ?? "not compared" }
}

extension Alert {
    /// Creates the alert about the drift of a meter on a day; nil if an amount is too large for any alert.
    fileprivate init?(_ day: AccountDrift, _ meter: Meter, of scope: Scope, past threshold: Int, at now: Int64) {
        var (ours, theirs, unit) = (day.tokens.ours, day.tokens.theirs, MoneyUnit.nano)
        if meter == .cost {
            let costs = [day.cost.ours, day.cost.theirs].compactMap { $0 }
            guard let finest = MoneyUnit.finest(for: costs) else { return nil }
            (ours, theirs, unit) = (
                day.cost.ours?.amount(in: finest), day.cost.theirs?.amount(in: finest), finest
            )
        }
        guard let ours, let theirs else { return nil }
        self.init(
            driftOf: scope, on: day.day, meter: meter, ours: ours, theirs: theirs, unit: unit, threshold: threshold,
            openedAt: now)
    }
}

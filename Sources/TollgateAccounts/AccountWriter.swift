import Logging
import TollgateCore
import TollgatePolicy
import TollgateProviders
import TollgateStores

/// Stores the results of readings in Redis, and lets limits of the accounts count the new figures. Usable from any task.
struct AccountWriter: Sendable {
    let store: AccountStore
    /// Called with the scope of an account after its figures have been written.
    let onFigures: @Sendable (Scope) -> Void
    let logger: Logger

    /// Writes the result of a reading. If that fails, the account is read again when it is due.
    ///
    /// - Parameter state: The state of the account with the times of the attempt.
    /// - Returns: The state after a success, and the days that were read; nil after a failure.
    func write(
        _ result: Result<ProviderUsage, ProviderFailure>, _ state: AccountSyncState, of reading: AccountReaders.Reading
    ) async -> (state: AccountSyncState, days: [String: AccountFigures])? {
        var state = state
        do throws(StoreError) {
            switch result {
            case .failure:
                state.failures += 1
                try await store.write(state, of: reading.id)
                // Figures about another provider do not count for this one.
                if !reading.stored.outdatedDays.isEmpty { try await write([:], of: reading) }
                return nil
            case .success(let usage):
                (state.failures, state.failure, state.lastSuccess) = (0, nil, reading.now)
                state.quotas = usage.quotas.isEmpty ? nil : usage.quotaText
                state.subject = reading.account.subject
                let days = usage.dayFigures
                let outdated = reading.stored.outdatedDays.filter { days[$0] == nil }
                let excess = AccountStore.excess(of: Set(reading.stored.days.keys).union(days.keys))
                try await store.write(
                    state, days: days, hours: usage.hourFigures, removing: excess + outdated, of: reading.id)
                try await write(days, of: reading)
                return (state, days)
            }
        } catch {
            // The links log a lost connection.
            if !error.maySucceedLater { logger.error("cannot store the usage of account \(reading.id): \(error)") }
            return nil
        }
    }

    /// Writes the figures that limits count, with these days and those that were read before.
    private func write(
        _ days: [String: AccountFigures], of reading: AccountReaders.Reading
    ) async throws(StoreError) {
        guard let scope = try? Account.scope(reading.id) else { return }
        var account = reading.stored
        account.days.merge(days) { _, new in new }
        let figures = LimitFigures(account, reading.account.calendar, costUnit: reading.costUnit, now: reading.now)
        try await store.write(figures, of: scope)
        onFigures(scope)
    }
}

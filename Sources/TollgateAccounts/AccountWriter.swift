import Logging
import TollgateCore
import TollgatePolicy
import TollgateProviders
import TollgateStores

/// Stores attempts and their results in Redis, and lets limits of the accounts count the new figures. Usable from any
/// task.
struct AccountWriter: Sendable {
    let store: AccountStore
    /// Called with the scope of an account after its figures have been written.
    let onFigures: @Sendable (Scope) -> Void

    /// Writes that an attempt begins. A sidecar that takes over keeps the pause after it, whatever happens to this one.
    ///
    /// - Parameter next: The time of the next attempt if this one does not end, Unix ms.
    func begin(_ reading: AccountReaders.Reading, by sidecar: String, next: Int64) async throws(StoreError) {
        var state = reading.stored.state
        (state.lastAttempt, state.nextAttempt, state.sidecar) = (reading.now, next, sidecar)
        try await store.write(state, of: reading.id)
    }

    /// Writes the state after a failure.
    func write(_ failure: AccountSyncState, of reading: AccountReaders.Reading) async throws(StoreError) {
        var state = failure
        state.failures += 1
        try await store.write(state, of: reading.id)
    }

    /// Writes the usage that was read.
    ///
    /// The figures that limits count come first: if that fails, the reading counts as none, and is repeated.
    ///
    /// - Parameter state: The state of the account with the times of the attempt.
    /// - Returns: The state after the success, and the days that were read.
    func write(
        _ usage: ProviderUsage, _ state: AccountSyncState, of reading: AccountReaders.Reading
    ) async throws(StoreError) -> (state: AccountSyncState, days: [String: AccountFigures]) {
        var state = state
        (state.failures, state.failure, state.lastSuccess) = (0, nil, reading.now)
        state.quotas = usage.quotas.isEmpty ? nil : usage.quotaText
        state.subject = reading.account.subject
        state.coveredSince = reading.coveredSince(usage.firstDay)
        let days = usage.dayFigures
        let outdated = reading.stored.outdatedDays.filter { days[$0] == nil }
        let excess = AccountStore.excess(of: Set(reading.stored.days.keys).union(days.keys))
        try await writeFigures(
            StoredAccount(state: state, days: reading.stored.days.merging(days) { $1 }), of: reading)
        try await store.write(
            state, days: days, hours: usage.hourFigures, removing: excess + outdated, of: reading.id)
        return (state, days)
    }

    /// Writes the figures that limits count anew, from the stored days: after a change of the account, such as of its billing
    /// day or its provider, they are others, or there are none.
    func recount(_ reading: AccountReaders.Reading) async throws(StoreError) {
        try await writeFigures(reading.stored, of: reading)
    }

    private func writeFigures(
        _ account: StoredAccount, of reading: AccountReaders.Reading
    ) async throws(StoreError) {
        guard let scope = try? Account.scope(reading.id) else { return }
        let figures = LimitFigures(account, reading.account.calendar, costUnit: reading.costUnit, now: reading.now)
        try await store.write(figures, of: scope)
        onFigures(scope)
    }
}

import Logging
import TollgateCore
import TollgatePolicy
import TollgateProviders
import TollgateStores

/// The schedules of accounts while this sidecar has the lease, and their readings.
actor AccountReaders {
    private struct Entry {
        var account: Account
        var schedule: SyncSchedule
        var isReading = false
    }

    private let store: AccountStore
    private let client: ProviderClient
    private let sidecar: String
    private let drift: DriftAlerts?
    private let readings: AccountReadings
    private let writer: AccountWriter
    private let logger: Logger
    /// The accounts of the active policy.
    private var accounts: [String: Account] = [:]
    private var entries: [String: Entry] = [:]
    private var isHeld = false
    /// The end of the lease by this host's clock.
    private var heldUntil = ContinuousClock.now
    /// The number of requests by administrators that have been looked at.
    private var requests: Int64 = 0
    /// The accounts whose reading administrators have requested.
    private var requested: Set<String> = []
    /// The accounts whose settings have changed since their last reading.
    private var changed: Set<String> = []
    private let malformed: OnceLog
    private var generator = SystemRandomNumberGenerator()

    /// The shortest time between two attempts, in ms, which is the providers' own.
    private static let minPause: Int64 = 60_000

    /// - Parameters:
    ///   - drift: What compares both sides after each reading; nil for nothing.
    ///   - readings: What the states of accounts are published to.
    ///   - onFigures: Called with the scope of an account after its figures have been written.
    init(
        store: AccountStore, client: ProviderClient, sidecar: String, drift: DriftAlerts?,
        readings: AccountReadings, onFigures: @escaping @Sendable (Scope) -> Void, logger: Logger
    ) {
        self.store = store
        self.client = client
        self.sidecar = sidecar
        self.drift = drift
        self.readings = readings
        writer = AccountWriter(store: store, onFigures: onFigures)
        self.logger = logger
        malformed = OnceLog(logger)
    }

    // MARK: - Lease

    /// Whether this sidecar has the lease. False as soon as another one could have it.
    private var holdsLease: Bool { isHeld && ContinuousClock.now < heldUntil }

    /// Requests the lease, and returns the readings that are due; none if another sidecar has it.
    func due(
        _ accounts: [String: Account], costUnit: MoneyUnit?, lease: Duration, at time: (Int64) -> Int64
    ) async -> [Reading] {
        defer { publish() }
        let begun = ContinuousClock.now
        guard let reply = try? await store.lease(for: sidecar, milliseconds: lease.milliseconds) else {
            // Without an answer, the lease ends by itself.
            if ContinuousClock.now >= heldUntil { lose() }
            return []
        }
        guard reply.isHeld else {
            lose()
            return []
        }
        heldUntil = begun + lease
        if !isHeld || !reply.wasHeld { take() }
        return await due(accounts, costUnit, requests: reply.requests, now: time(reply.now))
    }

    /// Gives the lease up if this sidecar has no accounts to read.
    func release() async {
        guard isHeld else { return }
        isHeld = false
        entries = entries.filter { $0.value.isReading }
        publish()
        _ = try? await store.lease(for: sidecar, milliseconds: 0)
    }

    private func publish() {
        let states = isHeld ? entries.mapValues { AccountReadings.State($0.schedule.state) } : [:]
        readings.publish(.init(isReader: isHeld, states: states))
    }

    private func take() {
        if !isHeld { logger.info("reading usage from providers", metadata: ["sidecar": "\(sidecar)"]) }
        isHeld = true
        // Another sidecar may have read accounts meanwhile.
        entries = entries.filter { $0.value.isReading }
        (requests, requested) = (-1, [])
    }

    private func lose() {
        if isHeld { logger.info("another sidecar reads usage from providers", metadata: ["sidecar": "\(sidecar)"]) }
        isHeld = false
        entries = entries.filter { $0.value.isReading }
    }

    // MARK: - Schedules

    /// Returns the readings that are due.
    ///
    /// - Parameter count: The number of readings that administrators have requested. If it changes, the stored states are
    ///   read again.
    private func due(
        _ accounts: [String: Account], _ costUnit: MoneyUnit?, requests count: Int64, now: Int64
    ) async -> [Reading] {
        changed.formUnion(accounts.keys.filter { id in self.accounts[id].map { $0 != accounts[id] } ?? false })
        self.accounts = accounts
        entries = entries.filter { accounts[$0.key] == $0.value.account || $0.value.isReading }
        let ids = accounts.keys.sorted().filter { id in
            guard let entry = entries[id] else { return true }
            return requests != count || !entry.isReading && (isWanted(id) || entry.schedule.isDue(at: now))
        }
        guard !ids.isEmpty, let stored = try? await store.accounts(ids) else { return [] }
        requests = count
        var due: [Reading] = []
        for (id, result) in zip(ids, stored) {
            guard let account = accounts[id], let stored = known(result, of: id)?.figures(of: account) else { continue }
            if stored.state.isRequested { requested.insert(id) } else { requested.remove(id) }
            guard entries[id]?.isReading != true else { continue }
            let reading = Reading(id: id, account: account, stored: stored, costUnit: costUnit, now: now)
            var entry =
                entries[id] ?? Entry(account: account, schedule: SyncSchedule(stored.state, of: account, now: now))
            if entries[id] == nil, await !recount(reading) { continue }
            if let change = entry.schedule.advance(to: now) { log(change, of: id) }
            let isPaused = stored.state.lastAttempt.map { now >= $0 && now - $0 < Self.minPause } ?? false
            if !isPaused, !entry.schedule.mustWait(at: now), isWanted(id) || entry.schedule.isDue(at: now) {
                entry.isReading = true
                changed.remove(id)
                due.append(reading)
            }
            entries[id] = entry
        }
        return due
    }

    /// Whether an account is to be read as soon as the pause after its last reading has passed.
    private func isWanted(_ id: String) -> Bool { requested.contains(id) || changed.contains(id) }

    /// Lets limits count the stored figures, when this sidecar begins to read an account or the account has changed. Returns
    /// false if that has to be repeated.
    private func recount(_ reading: Reading) async -> Bool {
        do throws(StoreError) {
            try await writer.recount(reading)
            return true
        } catch {
            report(error, of: reading)
            return !error.maySucceedLater
        }
    }

    /// What is stored of an account; nil if that is malformed, which is logged once. Others are read all the same.
    private func known(_ result: Result<StoredAccount, StoreError>, of id: String) -> StoredAccount? {
        do throws(StoreError) {
            return try result.get()
        } catch {
            malformed.warn("account \(id) is not read: \(error); delete the key to read it anew")
            return nil
        }
    }

    // MARK: - Reading

    /// Reads an account and stores the result.
    func read(_ reading: Reading) async {
        if reading.stored.state.isRequested {
            requested.remove(reading.id)
            try? await store.removeRequest(of: reading.id)
        }
        do throws(StoreError) {
            try await writer.begin(reading, by: sidecar, next: reading.now + Self.minPause)
            let result = await client.usage(of: reading)
            // Another holder of the lease reads the account itself, and a changed account is read anew.
            if holdsLease, accounts[reading.id] == reading.account {
                try await take(result, of: reading)
                entries[reading.id]?.isReading = false
            } else {
                entries[reading.id] = nil
            }
        } catch {
            report(error, of: reading)
            // It is due again by what is stored of it.
            entries[reading.id] = nil
        }
        publish()
    }

    /// Reports an error that does not pass. The links log a lost connection.
    private func report(_ error: StoreError, of reading: Reading) {
        if !error.maySucceedLater { malformed.warn("cannot store the usage of account \(reading.id): \(error)") }
    }

    private func take(
        _ result: Result<ProviderUsage, ProviderFailure>, of reading: Reading
    ) async throws(StoreError) {
        guard var entry = entries[reading.id] else { return }
        var state = reading.stored.state
        let change: SyncSchedule.Change?
        switch result {
        case .success: change = entry.schedule.succeed(at: reading.now, using: &generator)
        case .failure(let failure):
            guard failure.kind != .cancelled else { return }
            change = entry.schedule.fail(failure, at: reading.now, using: &generator)
            state.failure = (state.failure?.since ?? reading.now, failure.description)
        }
        entries[reading.id] = entry
        if let change { log(change, of: reading.id) }
        state.lastAttempt = reading.now
        state.nextAttempt = entry.schedule.nextAttempt
        state.sidecar = sidecar
        guard case .success(let usage) = result else { return try await writer.write(state, of: reading) }
        let written = try await writer.write(usage, state, of: reading)
        // Another holder of the lease may have begun meanwhile.
        if holdsLease { await drift?.review(reading, written.state, written.days) }
    }

    private func log(_ change: SyncSchedule.Change, of id: String) {
        switch change.to {
        case .fresh: logger.info("usage of the account is read from its provider", metadata: ["account": "\(id)"])
        case .stale: logger.info("usage of the account is not up to date", metadata: ["account": "\(id)"])
        case .failing(_, let failure):
            logger.warning("usage of the account cannot be read: \(failure)", metadata: ["account": "\(id)"])
        }
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}

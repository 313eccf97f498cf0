import Logging
import Synchronization
import TollgateCore
import TollgateLedger

/// Sees to alerts of scopes that nobody asks about any more: those whose period has ended are resolved, those that have none are
/// looked at from time to time, and after a change of the policy all of them are. Every sidecar does so; what one has done the others
/// find done. The time is Redis's.
///
/// Usable from any thread.
final class AlertSweeper: Sendable {
    /// What it needs of the sidecar.
    struct Sidecar: Sendable {
        /// The policy in force.
        var policy: @Sendable () -> Policy
        /// Has a scope's alerts looked at, as a request does.
        var review: @Sendable (Scope) async -> AlertReviewOutcome
    }

    /// Alerts that are read, and scopes that are looked at, at a time.
    private static let portion = 100
    /// One that cannot be read is left for so long (ms), one that could not be seen to for a reason that may pass for this long.
    private static let (hour, minute): (Int64, Int64) = (3_600_000, 60_000)

    private let store: AlertStore
    private let sidecar: Sidecar
    private let interval: Duration
    private let logger: Logger
    private let warnings: OnceLog
    private let state = Mutex(State())

    private struct State {
        var task: Task<Void, Never>?
        /// By which alerts were looked at; nil before the first time: what held before the sidecar started is not known.
        var reviewed: Policy?
    }

    init(store: AlertStore, sidecar: Sidecar, interval: Duration, logger: Logger) {
        self.store = store
        self.sidecar = sidecar
        self.interval = interval
        self.logger = logger
        warnings = OnceLog(logger)
    }

    func start() {
        let task = Task {
            while (try? await Task.sleep(for: interval)) != nil { await sweep() }
        }
        state.withLock { $0.task = task }
    }

    func stop() async {
        let task = state.withLock { $0.task }
        task?.cancel()
        await task?.value
    }

    /// What fails now is done the next time.
    func sweep() async {
        await attempt { () throws(StoreError) in try await seeToEnding() }
        await attempt { () throws(StoreError) in try await reviewAfterChange() }
    }

    private func attempt(_ work: () async throws(StoreError) -> Void) async {
        do throws(StoreError) {
            try await work()
        } catch {
            let sentence = "alerts cannot be looked after: \(error)"
            if error.maySucceedLater { logger.debug("\(sentence)") } else { warnings.warn(sentence) }
        }
    }

    // MARK: - Alerts whose time has come

    private func seeToEnding() async throws(StoreError) {
        while !Task.isCancelled {
            let ending = try await store.ending(atMost: Self.portion)
            for item in ending.items { try await see(to: item, at: ending.now) }
            // Those that were let go of may come again where Redis cannot be written to.
            guard ending.hasMore, !ending.items.isEmpty else { return }
        }
    }

    /// One that cannot be read, or seen to, does not keep the others waiting. Throws where nothing can be done about any of them.
    private func see(to item: EndingAlerts.Item, at now: Int64) async throws(StoreError) {
        do throws(StoreError) {
            try await end(try item.alert.get(), at: now)
        } catch {
            try await store.putOff(item.id, to: now + (error.maySucceedLater ? Self.minute : Self.hour))
            warnings.warn("alert \(item.id) cannot be looked after, and is left for a while: \(error)")
        }
    }

    private func end(_ alert: Alert, at now: Int64) async throws(StoreError) {
        if alert.periodID != nil, let end = alert.endsAt {
            return try await store.publish(.resolved(id: alert.id, at: min(end, now), reason: .periodEnded))
        }
        // A sliding window, or a limit for ever, has no end that could be known: the script says whether it holds.
        guard try await store.holds(alert) else {
            return try await store.publish(.resolved(id: alert.id, at: now, reason: .periodEnded))
        }
        switch await sidecar.review(alert.scope) {
        case .submitted: try await store.postpone(alert, to: now + alert.reviewInterval)
        case .notNow: try await store.putOff(alert.id, to: now + Int64(interval / .milliseconds(1)))
        case .inert: try await letGo(of: alert, at: now)
        }
    }

    // MARK: - Limits that have changed

    private func reviewAfterChange() async throws(StoreError) {
        let policy = sidecar.policy()
        guard state.withLock({ $0.reviewed != policy }) else { return }
        var (seen, isDone, cursor): (Set<Scope>, Bool, String?) = ([], true, nil)
        repeat {
            let page = try await store.alerts(.active, before: cursor, atMost: Self.portion)
            let scopes = Set(page.items.map(\.scope)).subtracting(seen)
            if try await !review(scopes) { isDone = false }
            seen.formUnion(scopes)
            cursor = page.next
        } while cursor != nil && !Task.isCancelled
        if isDone, cursor == nil { state.withLock { $0.reviewed = policy } }
    }

    /// Returns whether all of them have been looked at.
    private func review(_ scopes: Set<Scope>) async throws(StoreError) -> Bool {
        let outcomes = await withTaskGroup(of: (Scope, AlertReviewOutcome).self) { [sidecar] group in
            for scope in scopes { group.addTask { (scope, await sidecar.review(scope)) } }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for case (let scope, .inert) in outcomes { try await letGo(ofAllOf: scope) }
        return !outcomes.values.contains(.notNow)
    }

    private func letGo(ofAllOf scope: Scope) async throws(StoreError) {
        let now = try await store.redisTime()
        let filter = AlertFilter(states: AlertFilter.active.states, scope: scope)
        var cursor: String?
        repeat {
            let page = try await store.alerts(filter, before: cursor, atMost: Self.portion)
            for alert in page.items { try await letGo(of: alert, at: now) }
            cursor = page.next
        } while cursor != nil
    }

    /// In this order: what only the store has is found again.
    private func letGo(of alert: Alert, at now: Int64) async throws(StoreError) {
        try await store.forget(alert)
        try await store.publish(.resolved(id: alert.id, at: now, reason: .limitRaised))
    }
}

extension Alert {
    /// One that holds is looked at again after so long (ms): half a window, or a day.
    fileprivate var reviewInterval: Int64 {
        if case .sliding(let seconds) = period { Swift.max(seconds * 500, 5_000) } else { 86_400_000 }
    }
}

import Logging
import Synchronization
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

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

    /// Alerts that are read at a time.
    private static let portion = 100
    /// Scopes that are looked at at a time: requests wait behind them.
    private static let reviewsAtOnce = 8
    /// Scopes that are remembered to be looked at; past so many all are.
    private static let maxChanged = 10_000
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
        /// Scopes that could not be looked at when something was changed for them.
        var changed: Set<Scope> = []
        /// There were too many of these.
        var mustReviewAll = false
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

    /// Has a scope's alerts looked at with the next sweep.
    func look(at scope: Scope) {
        state.withLock { state in
            if state.changed.count < Self.maxChanged {
                state.changed.insert(scope)
            } else {
                state.mustReviewAll = true
            }
        }
    }

    /// What fails now is done the next time.
    func sweep() async {
        await attempt { () throws(StoreError) in try await seeToEnding() }
        await attempt { () throws(StoreError) in try await reviewChanged() }
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
            let ending = try await store.reviews.due(atMost: Self.portion)
            for item in ending.items { try await see(to: item, at: ending.now) }
            // Those that were let go of may come again where Redis cannot be written to.
            guard ending.hasMore, !ending.items.isEmpty else { return }
        }
    }

    /// One that cannot be read, or seen to, does not keep the others waiting. Throws where nothing can be done about any of them.
    private func see(to item: AlertReviewQueue.Due.Item, at now: Int64) async throws(StoreError) {
        do throws(StoreError) {
            try await end(try item.alert.get(), at: now)
        } catch {
            try await store.reviews.reschedule(item.id, to: now + (error.maySucceedLater ? Self.minute : Self.hour))
            warnings.warn("alert \(item.id) cannot be looked after, and is left for a while: \(error)")
        }
    }

    private func end(_ alert: Alert, at now: Int64) async throws(StoreError) {
        let periodEnd = alert.periodID == nil ? nil : alert.endsAt
        if let periodEnd, periodEnd <= now {
            return try await store.publish(.resolved(id: alert.id, at: periodEnd, reason: .periodEnded))
        }
        // A sliding window, or a limit for ever, has no end that could be known: the script says whether it holds.
        if periodEnd == nil, try await !store.applies(alert) {
            return try await store.publish(.resolved(id: alert.id, at: now, reason: .periodEnded))
        }
        switch await sidecar.review(alert.scope) {
        case .reviewed: try await store.reviews.postpone(alert, to: min(now + alert.reviewInterval, periodEnd ?? .max))
        case .notNow: try await store.reviews.reschedule(alert.id, to: now + Int64(interval / .milliseconds(1)))
        case .noLimits: try await letGo(of: alert, at: now)
        }
    }

    // MARK: - Limits that have changed

    private func reviewChanged() async throws(StoreError) {
        let scopes = state.withLock { state in
            defer { state.changed = [] }
            return state.changed
        }
        do throws(StoreError) {
            try await review(scopes)
        } catch {
            for scope in scopes { look(at: scope) }
            throw error
        }
    }

    private func reviewAfterChange() async throws(StoreError) {
        let policy = sidecar.policy()
        let isDue = state.withLock { state in
            if state.mustReviewAll { (state.reviewed, state.mustReviewAll) = (nil, false) }
            return state.reviewed != policy
        }
        guard isDue else { return }
        var (seen, cursor): (Set<Scope>, String?) = ([], nil)
        repeat {
            let page = try await store.alerts(.active, before: cursor, atMost: Self.portion)
            let scopes = Set(page.items.map(\.scope)).subtracting(seen)
            try await review(scopes)
            seen.formUnion(scopes)
            cursor = page.next
        } while cursor != nil && !Task.isCancelled
        if cursor == nil { state.withLock { $0.reviewed = policy } }
    }

    /// Those that cannot be looked at now are with the next sweep.
    private func review(_ scopes: Set<Scope>) async throws(StoreError) {
        for (scope, outcome) in await outcomes(of: scopes) {
            switch outcome {
            case .reviewed: break
            case .notNow: look(at: scope)
            case .noLimits: try await letGo(ofAllOf: scope)
            }
        }
    }

    private func outcomes(of scopes: Set<Scope>) async -> [(Scope, AlertReviewOutcome)] {
        await withTaskGroup(of: (Scope, AlertReviewOutcome).self) { [sidecar] group in
            var left = scopes
            func startNext() {
                guard let scope = left.popFirst() else { return }
                group.addTask { (scope, await sidecar.review(scope)) }
            }
            for _ in 0..<Self.reviewsAtOnce { startNext() }
            var outcomes: [(Scope, AlertReviewOutcome)] = []
            for await outcome in group {
                outcomes.append(outcome)
                startNext()
            }
            return outcomes
        }
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

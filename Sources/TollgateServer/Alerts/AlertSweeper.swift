import Logging
import ServiceLifecycle
import Synchronization
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

/// Resolves alerts of scopes that get no more requests.
///
/// An alert whose period has ended is resolved. One without an end is reviewed from time to time, and all are after a
/// change of the policy. Every sidecar sweeps; a sweep is a no-op for alerts that another sidecar has already resolved.
/// Times are those of Redis's clock.
///
/// Usable from any thread.
final class AlertSweeper: Service {
    /// The number of alerts to read per page.
    private static let pageSize = 100
    /// The number of concurrent reviews. It is small, because requests wait for reviews.
    private static let maxReviews = 8
    /// The number of changed scopes that are remembered. Beyond it all scopes are reviewed.
    private static let maxChanged = 10_000
    /// The delay of the next attempt in ms: an hour for an alert that cannot be read, a minute after an error that may
    /// pass.
    private static let (hour, minute): (Int64, Int64) = (3_600_000, 60_000)

    private let store: AlertStore
    private let policy: @Sendable () -> Policy
    private let review: @Sendable (Scope) async -> AlertReview.Outcome
    private let interval: Duration
    private let logger: Logger
    private let warnings: OnceLog
    private let state = Mutex(State())

    private struct State {
        /// The policy of the last review of all scopes; nil before it: the policy before the start is not known.
        var reviewed: Policy?
        /// The scopes whose review has failed after a change.
        var changed: Set<Scope> = []
        /// Whether there were too many changed scopes.
        var mustReviewAll = false
    }

    /// - Parameters:
    ///   - interval: The pause between sweeps.
    ///   - policy: Returns the active policy.
    ///   - review: Lets the batch script check the alerts of a scope.
    init(
        store: AlertStore, interval: Duration, logger: Logger, policy: @escaping @Sendable () -> Policy,
        review: @escaping @Sendable (Scope) async -> AlertReview.Outcome
    ) {
        self.store = store
        self.policy = policy
        self.review = review
        self.interval = interval
        self.logger = logger
        warnings = OnceLog(logger)
    }

    /// Sweeps until graceful shutdown.
    func run() async {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: self.interval)) != nil { await self.sweep() }
        }
    }

    /// Reviews a scope's alerts with the next sweep.
    func reviewLater(_ scope: Scope) {
        state.withLock { state in
            if state.changed.count < Self.maxChanged {
                state.changed.insert(scope)
            } else {
                state.mustReviewAll = true
            }
        }
    }

    /// Sweeps once. Anything that fails is repeated with the next sweep.
    func sweep() async {
        await attempt { () throws(StoreError) in try await resolveEnding() }
        await attempt { () throws(StoreError) in try await reviewChanged() }
        await attempt { () throws(StoreError) in try await reviewAfterChange() }
    }

    private func attempt(_ work: () async throws(StoreError) -> Void) async {
        do throws(StoreError) {
            try await work()
        } catch {
            let sentence = "cannot sweep alerts: \(error)"
            if error.maySucceedLater { logger.debug("\(sentence)") } else { warnings.warn(sentence) }
        }
    }

    // MARK: - Alerts that are due

    private func resolveEnding() async throws(StoreError) {
        while !Task.isCancelled {
            let ending = try await store.reviews.due(atMost: Self.pageSize)
            for item in ending.items { try await resolve(item, at: ending.now) }
            // If Redis refuses writes, alerts that were forgotten come again.
            guard ending.hasMore, !ending.items.isEmpty else { return }
        }
    }

    /// Resolves or postpones one alert. An error of this alert alone does not delay the others; throws if none can be
    /// handled.
    private func resolve(_ item: AlertReviewQueue.Due.Item, at now: Int64) async throws(StoreError) {
        do throws(StoreError) {
            try await end(try item.alert.get(), at: now)
        } catch {
            try await store.reviews.reschedule(item.id, to: now + (error.maySucceedLater ? Self.minute : Self.hour))
            warnings.warn("cannot sweep alert \(item.id), postponing it: \(error)")
        }
    }

    private func end(_ alert: Alert, at now: Int64) async throws(StoreError) {
        let periodEnd = alert.periodID == nil ? nil : alert.endsAt
        if let periodEnd, periodEnd <= now {
            return try await store.publish(.resolved(id: alert.id, at: periodEnd, reason: .periodEnded))
        }
        guard alert.isOfLimit else { return try await store.reviews.postpone(alert, to: periodEnd ?? now + Self.hour) }
        // A sliding window or a `total` has no known end. The scope's hash tells whether the alert is still open.
        if periodEnd == nil, try await !store.applies(alert) {
            // The sidecar that was to publish the resolution may have died. The batch function knows the reason.
            let unpublished = try await store.unpublishedResolution(of: alert)
            return try await store.publish(unpublished ?? .resolved(id: alert.id, at: now, reason: .periodEnded))
        }
        switch await review(alert.scope) {
        case .reviewed: try await store.reviews.postpone(alert, to: min(now + alert.reviewInterval, periodEnd ?? .max))
        case .notNow: try await store.reviews.reschedule(alert.id, to: now + Int64(interval / .milliseconds(1)))
        case .noLimits: try await forget(alert, at: now)
        }
    }

    // MARK: - Changed limits

    private func reviewChanged() async throws(StoreError) {
        let scopes = state.withLock { state in
            defer { state.changed = [] }
            return state.changed
        }
        do throws(StoreError) {
            try await reviewAll(scopes)
        } catch {
            for scope in scopes { reviewLater(scope) }
            throw error
        }
    }

    private func reviewAfterChange() async throws(StoreError) {
        let policy = policy()
        let isDue = state.withLock { state in
            if state.mustReviewAll { (state.reviewed, state.mustReviewAll) = (nil, false) }
            return state.reviewed != policy
        }
        guard isDue else { return }
        var (seen, cursor): (Set<Scope>, String?) = ([], nil)
        repeat {
            let page = try await store.alerts(.active, before: cursor, atMost: Self.pageSize)
            let scopes = Set(page.items.filter(\.isOfLimit).map(\.scope)).subtracting(seen)
            try await reviewAll(scopes)
            seen.formUnion(scopes)
            cursor = page.next
        } while cursor != nil && !Task.isCancelled
        if cursor == nil { state.withLock { $0.reviewed = policy } }
    }

    /// Reviews scopes. Scopes that cannot be reviewed now are retried by the next sweep.
    private func reviewAll(_ scopes: Set<Scope>) async throws(StoreError) {
        for (scope, outcome) in await outcomes(of: scopes) {
            switch outcome {
            case .reviewed: break
            case .notNow: reviewLater(scope)
            case .noLimits: try await forgetAll(of: scope)
            }
        }
    }

    private func outcomes(of scopes: Set<Scope>) async -> [(Scope, AlertReview.Outcome)] {
        await withTaskGroup(of: (Scope, AlertReview.Outcome).self) { [review] group in
            var remaining = scopes
            func startNext() {
                guard let scope = remaining.popFirst() else { return }
                group.addTask { (scope, await review(scope)) }
            }
            for _ in 0..<Self.maxReviews { startNext() }
            var outcomes: [(Scope, AlertReview.Outcome)] = []
            for await outcome in group {
                outcomes.append(outcome)
                startNext()
            }
            return outcomes
        }
    }

    private func forgetAll(of scope: Scope) async throws(StoreError) {
        let now = try await store.redisTime()
        let filter = AlertFilter(states: AlertFilter.active.states, scope: scope)
        var cursor: String?
        repeat {
            let page = try await store.alerts(filter, before: cursor, atMost: Self.pageSize)
            for alert in page.items where alert.isOfLimit { try await forget(alert, at: now) }
            cursor = page.next
        } while cursor != nil
    }

    /// Removes an alert of a limit that no longer exists from the scope's hash, and then resolves it. In this order: if
    /// the second step fails, the next sweep finds the alert again.
    private func forget(_ alert: Alert, at now: Int64) async throws(StoreError) {
        try await store.forget(alert)
        try await store.publish(.resolved(id: alert.id, at: now, reason: .limitRaised))
    }
}

import Logging
import Synchronization
import TollgateCore
import TollgateLedger

/// Sees to alerts of scopes that nobody asks about any more: those whose period has ended are resolved, and after a change of the
/// policy each that is not resolved is looked at again. Every sidecar does so; what one has done the others find done.
///
/// Usable from any thread.
final class AlertSweeper: Sendable {
    /// What it needs of the sidecar.
    struct Sidecar: Sendable {
        /// Redis's clock, Unix ms.
        var now: @Sendable () async -> Int64
        /// The policy in force.
        var policy: @Sendable () -> Policy
        /// What counts against a limit of a scope; nil where there is no such limit.
        var used: @Sendable (Scope, Meter, Period) async throws -> Int64?
        /// Looks at a scope's alerts, as a request does.
        var review: @Sendable (Scope) -> Void
    }

    /// Looked at after a change of the policy, the latest first.
    private static let mostReviewed = 1_000
    private static let portion = 100

    private let store: AlertStore
    private let sidecar: Sidecar
    private let interval: Duration
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var task: Task<Void, Never>?
        var reviewed: Policy?
    }

    init(store: AlertStore, sidecar: Sidecar, interval: Duration, logger: Logger) {
        self.store = store
        self.sidecar = sidecar
        self.interval = interval
        self.logger = logger
    }

    func start() {
        let policy = sidecar.policy()
        let task = Task {
            while (try? await Task.sleep(for: interval)) != nil { await sweep() }
        }
        state.withLock { state in
            state.reviewed = policy
            state.task = task
        }
    }

    func stop() async {
        let task = state.withLock { $0.task }
        task?.cancel()
        await task?.value
    }

    /// What fails now is done the next time.
    private func sweep() async {
        do {
            try await endPeriods()
            try await reviewAfterChange()
        } catch {
            logger.debug("alerts cannot be looked after: \(error)")
        }
    }

    // MARK: - Periods that have ended

    private func endPeriods() async throws {
        while !Task.isCancelled {
            let now = await sidecar.now()
            let ended = try await store.ending(before: now, atMost: Self.portion)
            for alert in ended { try await end(alert, now) }
            guard ended.count == Self.portion else { return }
        }
    }

    /// A sliding window has no end of its own: what is used now says whether it holds.
    private func end(_ alert: Alert, _ now: Int64) async throws {
        if case .sliding(let seconds) = alert.period,
            let used = try await sidecar.used(alert.scope, alert.meter, alert.period),
            Double(used) * 100 >= Double(alert.max) * Double(alert.threshold)
        {
            return try await store.postpone(alert.id, to: now + seconds * 500)
        }
        let end = min(alert.endsAt ?? now, now)
        try await store.publish(.resolved(id: alert.id, at: end, reason: .periodEnded))
    }

    // MARK: - Limits that have changed

    private func reviewAfterChange() async throws {
        let policy = sidecar.policy()
        guard state.withLock({ $0.reviewed != policy }) else { return }
        let scopes = Set(try await store.active(atMost: Self.mostReviewed).map(\.scope))
        for scope in scopes { sidecar.review(scope) }
        state.withLock { $0.reviewed = policy }
    }
}

import Logging
import ServiceLifecycle
import TollgateCore
import TollgateStores

/// Charges reservations soon after they have expired, also of scopes that get no more requests: then counters, history
/// and alerts do not wait for one.
///
/// Every sidecar sweeps. A sweep is a no-op for reservations that another sidecar, or a request, has charged already.
///
/// Usable from any thread.
final class ReservationSweeper: Service {
    /// The number of scopes to read per page and partition.
    private static let pageSize = 100
    /// The maximum number of pages of a round, so that a round ends.
    private static let maxPages = 20
    /// The number of concurrent sweeps. It is small, because requests wait for sweeps.
    private static let maxSweeps = 8
    /// The delay of the next attempt after a failure of one scope, in ms.
    private static let minute: Int64 = 60_000

    private let queue: ChargeQueue
    private let sweep: @Sendable (Scope) async -> ReservationSweep.Outcome
    private let interval: Duration
    private let logger: Logger
    private let warnings: OnceLog

    /// - Parameters:
    ///   - interval: The pause between rounds.
    ///   - sweep: Lets the batch function charge the expired reservations of a scope.
    init(
        queue: ChargeQueue, interval: Duration, logger: Logger,
        sweep: @escaping @Sendable (Scope) async -> ReservationSweep.Outcome
    ) {
        self.queue = queue
        self.sweep = sweep
        self.interval = interval
        self.logger = logger
        warnings = OnceLog(logger)
    }

    /// Sweeps until graceful shutdown.
    func run() async {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: self.interval)) != nil { await self.sweepDue() }
        }
    }

    /// Sweeps the scopes that are due once. Anything that fails is repeated with a later round.
    func sweepDue() async {
        do throws(StoreError) {
            for _ in 0..<Self.maxPages where !Task.isCancelled {
                let due = try await queue.due(atMost: Self.pageSize)
                for fault in due.faults { report(fault) }
                // A scope with more than one call charges is due again immediately.
                guard !due.scopes.isEmpty, try await sweepAll(due.scopes) else { return }
            }
        } catch {
            report(error)
        }
    }

    private func report(_ error: StoreError) {
        let sentence = "cannot charge expired reservations: \(error)"
        if error.maySucceedLater { logger.debug("\(sentence)") } else { warnings.warn(sentence) }
    }

    /// Returns whether Redis could be asked.
    private func sweepAll(_ scopes: [Scope]) async throws(StoreError) -> Bool {
        var canGoOn = true
        for (scope, outcome) in await outcomes(of: scopes) {
            switch outcome {
            case .swept: break
            case .notNow: canGoOn = false
            case .failed(let reason):
                warnings.warn("cannot charge the expired reservations of \(scope): \(reason)")
                try await queue.postpone(scope, by: Self.minute)
            }
        }
        return canGoOn
    }

    private func outcomes(of scopes: [Scope]) async -> [(Scope, ReservationSweep.Outcome)] {
        await withTaskGroup(of: (Scope, ReservationSweep.Outcome).self) { [sweep] group in
            var remaining = scopes[...]
            func startNext() {
                guard let scope = remaining.popFirst() else { return }
                group.addTask { (scope, await sweep(scope)) }
            }
            for _ in 0..<Self.maxSweeps { startNext() }
            var outcomes: [(Scope, ReservationSweep.Outcome)] = []
            for await outcome in group {
                outcomes.append(outcome)
                startNext()
            }
            return outcomes
        }
    }
}

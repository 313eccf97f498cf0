import NIOCore
package import TollgateCore
package import TollgateLedger
package import TollgatePolicy
package import TollgateStores

/// The usage of a scope.
package struct ScopeReading: Sendable {
    package var usage: ScopeUsage
    /// The rules for when the scope's days, weeks and months begin.
    package var calendar: CalendarRules
    /// The amounts of the day or month that was asked for.
    package var amounts: HistoryAmounts?
}

/// The usage of many scopes, as pages and reports show it. Usable from any task.
extension Sidecar {
    /// Reads the usage of scopes against the limits that apply to each, in order.
    ///
    /// Only the limits come from a worker. The usage is read over the link of the stores, so that no decision waits
    /// for it.
    ///
    /// - Parameters:
    ///   - limits: The limits whose usage is read.
    ///   - unit: Whether to read amounts of the current day or month, too.
    ///   - meters: The meters of those amounts.
    /// - Throws: `LedgerFailure` or `StoreError`, if any of the reads fails.
    package func readings(
        of scopes: [Scope], _ limits: UsageReader.Limits, history unit: UsageReader.HistoryPeriod.Unit? = nil,
        of meters: [HistoryMeter] = HistoryMeter.allCases
    ) async throws -> [ScopeReading] {
        let worker = workers[0]
        for _ in 0..<Self.maxClockCorrections {
            let request = try await worker.eventLoop.flatSubmit { worker.value.usageRequest(for: scopes) }.get()
            let period = unit.map { UsageReader.HistoryPeriod($0, meters, ids: request.ids(of: $0)) }
            switch try await stores.usage.read(request.plans, limits, in: period, fixedClock: request.fixedClock) {
            case .usage(let items):
                return zip(request.plans, items).map { plan, item in
                    ScopeReading(usage: item.usage, calendar: plan.calendar, amounts: item.amounts)
                }
            case .otherTime(let now):
                try await worker.eventLoop.submit { worker.value.ledger.synchronize(with: now) }.get()
            }
        }
        throw LedgerFailure.internal("Redis's clock and the calendar do not agree")
    }

    private static var maxClockCorrections: Int { 4 }
}

/// What a read of the usage of scopes needs from a worker.
private struct UsageRequest: Sendable {
    /// The estimated time of Redis's clock, Unix ms.
    var now: Int64
    var fixedClock: Int64?
    var plans: [UsagePlan]

    /// Returns the id of the current day or month of each scope.
    func ids(of unit: UsageReader.HistoryPeriod.Unit) -> [String] {
        // Most scopes have the same calendar.
        var known: [CalendarRules: String] = [:]
        return plans.map { plan in
            if let id = known[plan.calendar] { return id }
            let id = plan.calendar.window(unit == .day ? .day : .month, containing: now).id
            known[plan.calendar] = id
            return id
        }
    }
}

extension Worker {
    /// Finds the limits of scopes, after a lookup of those that are not cached.
    fileprivate func usageRequest(for scopes: [Scope]) -> EventLoopFuture<UsageRequest> {
        let promise = eventLoop.makePromise(of: UsageRequest.self)
        find(scopes, promise)
        return promise.futureResult
    }

    private func find(_ scopes: [Scope], _ promise: EventLoopPromise<UsageRequest>) {
        let now = ledger.redisTime
        var plans: [UsagePlan] = []
        var missing: [Scope] = []
        for scope in scopes {
            if let plan = resolver.currentPlan(of: scope, .none) {
                plans.append(UsagePlan(plan, scope: scope, at: now))
            } else if resolver.mustWaitForBatch {
                return wait(for: []) { [self] _ in find(scopes, promise) }
            } else {
                missing.append(scope)
            }
        }
        guard !missing.isEmpty else {
            return promise.succeed(UsageRequest(now: now, fixedClock: ledger.fixedClock, plans: plans))
        }
        wait(for: missing) { [self] failure in
            if let failure { promise.fail(failure) } else { find(scopes, promise) }
        }
    }
}

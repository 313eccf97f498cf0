package import NIOCore
package import TollgateCore
package import TollgateLedger
package import TollgatePolicy
package import TollgateStores

/// The limits and the usage of a scope.
package struct ScopeReading: Sendable {
    package var rules: ScopeRules
    package var usage: ScopeUsage
    /// The amounts of the day or month that was asked for.
    package var amounts: HistoryAmounts?
}

/// The usage of many scopes, as pages and reports show it. Usable from any task.
extension Sidecar {
    /// Reads the limits that apply to each of some scopes and their usage, in order.
    ///
    /// Only the limits come from a worker. The usage is read over the link of the stores, so that no decision waits
    /// for it.
    ///
    /// - Parameters:
    ///   - limits: The limits whose usage is read.
    ///   - unit: Whether to read the amounts of the current day or month, too.
    /// - Throws: `LedgerFailure` or `StoreError`, if any of the reads fails.
    package func readings(
        of scopes: [Scope], _ limits: UsageReader.Limits, history unit: UsageReader.HistoryPeriod.Unit? = nil
    ) async throws -> [ScopeReading] {
        let worker = workers[0]
        for _ in 0..<Self.maxClockCorrections {
            let request = try await worker.eventLoop.flatSubmit { worker.value.usageRequest(for: scopes) }.get()
            let period = unit.map { UsageReader.HistoryPeriod($0, ids: request.ids(of: $0)) }
            switch try await stores.usage.read(request.plans, limits, in: period, fixedClock: request.fixedClock) {
            case .usage(let items):
                return zip(request.rules, items).map { rules, item in
                    ScopeReading(rules: rules, usage: item.usage, amounts: item.amounts)
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
    var rules: [ScopeRules]
    var plans: [UsagePlan]

    /// Returns the id of the current day or month of each scope.
    func ids(of unit: UsageReader.HistoryPeriod.Unit) -> [String] {
        // Most scopes have the same calendar.
        var known: [CalendarRules: String] = [:]
        return rules.map { rules in
            if let id = known[rules.calendar] { return id }
            let id = rules.calendar.window(unit == .day ? .day : .month, containing: now).id
            known[rules.calendar] = id
            return id
        }
    }
}

extension Worker {
    /// Finds the limits of scopes, after a lookup of those that are not cached.
    fileprivate func usageRequest(for scopes: [Scope]) -> EventLoopFuture<UsageRequest> {
        let found = scopes.map { scope in
            let promise = eventLoop.makePromise(of: (rules: ScopeRules, plan: UsagePlan).self)
            find(scope, promise)
            return promise.futureResult
        }
        return EventLoopFuture.whenAllSucceed(found, on: eventLoop).map { [self] found in
            UsageRequest(
                now: ledger.redisTime, fixedClock: ledger.fixedClock, rules: found.map(\.rules),
                plans: found.map(\.plan))
        }
    }

    private func find(_ scope: Scope, _ promise: EventLoopPromise<(rules: ScopeRules, plan: UsagePlan)>) {
        guard let plan = resolver.currentPlan(of: scope, .none) else {
            return wait(for: resolver.mustWaitForBatch ? [] : [scope]) { [self] failure in
                if let failure { promise.fail(failure) } else { find(scope, promise) }
            }
        }
        promise.succeed(
            (resolver.cache.rules(for: scope, .none), UsagePlan(plan, scope: scope, at: ledger.redisTime)))
    }
}

package import TollgateCore
import TollgateRedis

/// A scope with what it used on one day.
package struct RankedScope: Sendable, Equatable {
    package var scope: Scope
    package var amounts: HistoryAmounts

    package init(_ scope: Scope, _ amounts: HistoryAmounts) {
        self.scope = scope
        self.amounts = amounts
    }
}

extension HistoryStore {
    /// The scopes of a kind that used most of a meter on the day with that id, the most first; those that used nothing of it are not
    /// among them. The ranking finds them, and their pages tell the exact amounts.
    ///
    /// - Parameters:
    ///   - meter: one of `HistoryMeter.ranked`.
    ///   - count: 1 or more.
    package func top(
        kind: ScopeKind, meter: HistoryMeter, day: String, atMost count: Int
    ) async throws(StoreError) -> [RankedScope] {
        let key = keys.topScopes(kind, meter, day: day)
        let words = try await link.ask("ZREVRANGE", key, "0", "\(count - 1)", "WITHSCORES").texts(of: key)
        var scopes: [Scope] = []
        for place in stride(from: 0, to: words.count, by: 2) {
            guard let scope = try? Scope(parsing: words[place]) else {
                throw .corrupt("\(key): \(words[place]) is no scope")
            }
            scopes.append(scope)
        }
        return try await totals(of: scopes, day: day)
            .filter { $0.amounts[meter] > 0 }
            .sorted { $0.precedes($1, by: meter) }
    }

    private func totals(of scopes: [Scope], day: String) async throws(StoreError) -> [RankedScope] {
        while true {
            let running = try await runningDays(of: scopes, .totals).map { $0?.id == day ? $0 : nil }
            let pages = try await stored(scopes.map { keys.day(day, of: $0) }, .totals)
            // A day that has been moved to a page of its own in between is in both.
            guard try await haveDays(running, of: scopes) else { continue }
            return zip(scopes, zip(pages, running)).map { scope, parts in
                var total = parts.0
                if let day = parts.1 { total += day.page }
                return RankedScope(scope, total.total)
            }
        }
    }
}

extension RankedScope {
    /// Equal ones by the bytes of their texts.
    fileprivate func precedes(_ other: RankedScope, by meter: HistoryMeter) -> Bool {
        let (mine, others) = (amounts[meter], other.amounts[meter])
        if mine != others { return mine > others }
        return scope.description.utf8.lexicographicallyPrecedes(other.scope.description.utf8)
    }
}

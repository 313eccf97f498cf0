package import TollgateCore
import TollgateLedger
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
        let scopes = try await rankedScopes(kind, meter, day, atMost: count)
        return try await totals(of: scopes, day: day)
            .filter { $0.amounts[meter] > 0 }
            .sorted { $0.precedes($1, by: meter) }
    }

    /// What scopes used on the day with that id, in all, in their order.
    func totals(of scopes: [Scope], day: String) async throws(StoreError) -> [RankedScope] {
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

    /// Rankings that are asked for right behind each other.
    private static let rankingsAtOnce = 64

    /// The first of the rankings of all partitions, merged.
    private func rankedScopes(
        _ kind: ScopeKind, _ meter: HistoryMeter, _ day: String, atMost count: Int
    ) async throws(StoreError) -> [Scope] {
        let rankings = keys.allPartitions.map { keys.topScopes(kind, meter, day: day, in: $0) }
        var ranked: [(scope: Scope, score: Double)] = []
        for start in stride(from: 0, to: rankings.count, by: Self.rankingsAtOnce) {
            let part = rankings[start..<min(start + Self.rankingsAtOnce, rankings.count)]
            let commands = part.map { ["ZREVRANGE", $0, "0", "\(count - 1)", "WITHSCORES"] }
            let replies = try await turns.next { () async throws(StoreError) in try await link.ask(commands) }
            for (key, reply) in zip(part, replies) { ranked += try Self.ranked(try reply.texts(of: key), in: key) }
            ranked = Array(ranked.sorted { $0.score > $1.score }.prefix(count))
        }
        return ranked.map(\.scope)
    }

    private static func ranked(
        _ words: [String], in key: String
    ) throws(StoreError) -> [(scope: Scope, score: Double)] {
        var ranked: [(scope: Scope, score: Double)] = []
        for index in stride(from: 0, to: words.count - 1, by: 2) {
            guard let scope = try? Scope(parsing: words[index]), let score = Double(words[index + 1]) else {
                throw .corrupt("\(key): \(words[index]) is no scope")
            }
            ranked.append((scope, score))
        }
        return ranked
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

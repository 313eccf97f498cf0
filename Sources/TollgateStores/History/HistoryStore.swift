import NIOCore
package import TollgateCore
package import TollgateLedger
import TollgateRedis

/// A scope with its usage on one day.
package struct RankedScope: Sendable, Equatable {
    package var scope: Scope
    package var amounts: HistoryAmounts

    package init(_ scope: Scope, _ amounts: HistoryAmounts) {
        self.scope = scope
        self.amounts = amounts
    }

    /// Returns whether this scope ranks before another: by the amount of a meter, then by the bytes of the scopes.
    fileprivate func precedes(_ other: RankedScope, by meter: HistoryMeter) -> Bool {
        let (mine, others) = (amounts[meter], other.amounts[meter])
        if mine != others { return mine > others }
        return scope.description.utf8.lexicographicallyPrecedes(other.scope.description.utf8)
    }
}

/// Reads the history of scopes, which the batch function writes (lua/batch/history.lua).
///
/// It is not on the decision path. It can be used from any task, and sends its commands over one link.
package final class HistoryStore: Sendable {
    /// The detail with which a record is read.
    package enum Detail: Sendable {
        /// The total of these meters only: one field per meter.
        case amounts([HistoryMeter])
        /// The total and the labels of these dimensions: up to 200 of each, with a field per meter. Redis sends
        /// those of the other dimensions, too.
        case labels(Set<HistoryDimension>)

        package static let totals = Detail.amounts(HistoryMeter.allCases)
        package static let everything = Detail.labels(Set(HistoryDimension.allCases))

        /// The maximum number of records in a pipeline. Redis serves no other client between them, and the replies
        /// share a deadline.
        var maxPipelined: Int {
            switch self {
            case .amounts: 31
            case .labels: 4
            }
        }
    }

    /// The maximum number of rankings in a pipeline.
    private static let maxPipelinedRankings = 64

    private let link: StoreLink
    private let keys: KeySpace
    /// Limits the load on Redis to one pipeline at a time, however many clients read reports.
    let turns = Turns()

    package init(link: StoreLink, keySpace: KeySpace) {
        self.link = link
        keys = keySpace
    }

    // MARK: - Days and months of a scope

    /// Reads days in the order of their ids. A day without usage is an empty record.
    ///
    /// It reads the scope's hash, which contains the running day, and one hash per day.
    package func days(
        of scope: Scope, ids: [String], _ detail: Detail = .everything
    ) async throws(StoreError) -> [HistoryRecord] {
        try await withRunningDay(of: scope, detail) { running throws(StoreError) in
            var records = try await stored(ids.map { keys.day($0, of: scope) }, detail)
            guard let running, let index = ids.firstIndex(of: running.id) else { return (records, false) }
            records[index] += running.record
            return (records, true)
        }
    }

    /// Reads months in the order of their ids. It reads the scope's hash and one hash per month.
    package func months(
        of scope: Scope, ids: [String], _ detail: Detail = .everything
    ) async throws(StoreError) -> [HistoryRecord] {
        try await withRunningDay(of: scope, detail) { running throws(StoreError) in
            var records = try await stored(ids.map { keys.month($0, of: scope) }, detail)
            guard let running, let index = ids.firstIndex(of: running.month) else { return (records, false) }
            records[index] += running.record
            return (records, true)
        }
    }

    /// Reads the running day, and then other records. If the day has moved to its own key meanwhile, it would count
    /// twice, and everything is read again.
    private func withRunningDay(
        of scope: Scope, _ detail: Detail,
        _ read: (RunningDay?) async throws(StoreError) -> (records: [HistoryRecord], hasRunning: Bool)
    ) async throws(StoreError) -> [HistoryRecord] {
        while true {
            let running = try await runningDays(of: [scope], detail)[0]
            let (records, hasRunning) = try await read(running)
            guard hasRunning else { return records }
            if try await areRunning([running], of: [scope]) { return records }
        }
    }

    // MARK: - Rankings

    /// Returns the scopes of a kind with the highest usage of a meter on a day, without those that have none.
    ///
    /// The ranking selects the scopes, and their records provide the exact amounts.
    ///
    /// - Parameters:
    ///   - meter: One of `HistoryMeter.ranked`.
    ///   - count: 1 or more.
    package func top(
        kind: ScopeKind, meter: HistoryMeter, day: String, atMost count: Int
    ) async throws(StoreError) -> [RankedScope] {
        let scopes = try await rankedScopes(kind, meter, day, atMost: count)
        return try await totals(of: scopes, day: day)
            .filter { $0.amounts[meter] > 0 }
            .sorted { $0.precedes($1, by: meter) }
    }

    /// Reads the total usage of scopes on a day, in their order.
    func totals(of scopes: [Scope], day: String) async throws(StoreError) -> [RankedScope] {
        while true {
            let running = try await runningDays(of: scopes, .totals).map { $0?.id == day ? $0 : nil }
            let records = try await stored(scopes.map { keys.day(day, of: $0) }, .totals)
            // A day that has moved to its own key meanwhile would count twice.
            guard try await areRunning(running, of: scopes) else { continue }
            return zip(scopes, zip(records, running)).map { scope, parts in
                RankedScope(scope, parts.0.total + (parts.1?.record.total ?? HistoryAmounts()))
            }
        }
    }

    /// Merges the rankings of all partitions.
    private func rankedScopes(
        _ kind: ScopeKind, _ meter: HistoryMeter, _ day: String, atMost count: Int
    ) async throws(StoreError) -> [Scope] {
        let rankings = keys.allPartitions.map { keys.topScopes(kind, meter, day: day, in: $0) }
        var ranked: [(scope: Scope, score: Double)] = []
        for start in stride(from: 0, to: rankings.count, by: Self.maxPipelinedRankings) {
            let part = rankings[start..<min(start + Self.maxPipelinedRankings, rankings.count)]
            let replies = try await send(part.map { ["ZREVRANGE", $0, "0", "\(count - 1)", "WITHSCORES"] })
            for (key, reply) in zip(part, replies) { ranked += try Self.ranked(reply, in: key) }
            ranked = Array(ranked.sorted { $0.score > $1.score }.prefix(count))
        }
        return ranked.map(\.scope)
    }

    private static func ranked(
        _ reply: RedisReply, in key: String
    ) throws(StoreError) -> [(scope: Scope, score: Double)] {
        var ranked: [(scope: Scope, score: Double)] = []
        for (member, text) in try reply.pairs(of: key) {
            guard let scope = try? Scope(parsing: member), let score = Double(text) else {
                throw .corrupt("\(key): \(member) is not a scope")
            }
            ranked.append((scope, score))
        }
        return ranked
    }

    // MARK: - Reading

    /// Reads the running days of scopes, in their order; nil for a scope without one.
    private func runningDays(of scopes: [Scope], _ detail: Detail) async throws(StoreError) -> [RunningDay?] {
        let names = scopes.map(keys.hash)
        var days: [RunningDay?] = []
        for start in stride(from: 0, to: names.count, by: detail.maxPipelined) {
            let part = names[start..<min(start + detail.maxPipelined, names.count)]
            let replies = try await send(part.map { RunningDay.command(for: $0, detail) })
            for (key, reply) in zip(part, replies) { days.append(try RunningDay(reply, of: key, detail)) }
        }
        return days
    }

    /// Returns whether the days, if not nil, are still the running days of the scopes.
    private func areRunning(_ days: [RunningDay?], of scopes: [Scope]) async throws(StoreError) -> Bool {
        let expected = zip(scopes, days).compactMap { scope, day in day.map { (key: keys.hash(of: scope), day: $0) } }
        let replies = try await send(expected.map { ["HGET", $0.key, RunningDay.field] })
        for ((key, day), reply) in zip(expected, replies) {
            let field = try StoredField(reply, key: key, name: RunningDay.field)
            guard day.isNamed(by: field.map { String(buffer: $0.value) }) else { return false }
        }
        return true
    }

    /// Reads the records of keys, in their order.
    private func stored(_ keys: [String], _ detail: Detail) async throws(StoreError) -> [HistoryRecord] {
        var records: [HistoryRecord] = []
        for start in stride(from: 0, to: keys.count, by: detail.maxPipelined) {
            let part = keys[start..<min(start + detail.maxPipelined, keys.count)]
            let replies = try await send(part.map { StoredRecord.command(for: $0, detail) })
            for (key, reply) in zip(part, replies) { records.append(try StoredRecord(reply, of: key, detail).record) }
        }
        return records
    }

    private func send(_ commands: [[String]]) async throws(StoreError) -> [RedisReply] {
        try await turns.next { () async throws(StoreError) in try await link.send(commands) }
    }
}

extension KeySpace {
    /// Sorted set of the scopes of a kind by their usage of a meter on a day.
    package func topScopes(
        _ kind: ScopeKind, _ meter: HistoryMeter, day id: String, in partition: Partition?
    ) -> String {
        "\(prefix(of: partition))top-scopes:\(kind):\(meter.name):\(id)"
    }
}

import NIOCore
package import TollgateCore
import TollgateRedis

extension AlertStore {
    /// How long alerts, and their lists, are kept after the last change, in ms (alert_publish.lua).
    private static let kept: Int64 = 90 * 86_400_000

    /// The alerts that are not resolved although what they count has stopped to count, or which are to be looked at. Those that are
    /// resolved, or not there any more, are let go of.
    ///
    /// - Parameters:
    ///   - time: by when, Unix ms; by now where it is nil.
    ///   - count: 1 or more.
    package func ending(before time: Int64? = nil, atMost count: Int) async throws(StoreError) -> EndingAlerts {
        let replies = try await link.ask([["TIME"], ["ZRANGE", keys.ending, "0", "\(count - 1)", "WITHSCORES"]])
        let now = try replies[0].time()
        let words = try replies[1].texts(of: keys.ending)
        let due = stride(from: 0, to: words.count - 1, by: 2).filter { place in
            (Double(words[place + 1]) ?? 0) <= Double(time ?? now)
        }
        let items = try await items(due.map { words[$0] })
        return EndingAlerts(now: now, items: items, hasMore: due.count == count)
    }

    private func items(_ ids: [String]) async throws(StoreError) -> [EndingAlerts.Item] {
        var (items, resolved): ([EndingAlerts.Item], [String]) = ([], [])
        for (id, found) in zip(ids, try await stored(ids, in: [keys.ending])) {
            switch found {
            case .success(let alert?) where alert.state == .resolved: resolved.append(id)
            case .success(let alert?): items.append(EndingAlerts.Item(id: id, alert: .success(alert)))
            case .success(nil): break
            case .failure(let error): items.append(EndingAlerts.Item(id: id, alert: .failure(error)))
            }
        }
        if !resolved.isEmpty { _ = try await link.ask([["ZREM", keys.ending] + resolved], isChange: true) }
        return items
    }

    /// Redis's clock, Unix ms.
    package func redisTime() async throws(StoreError) -> Int64 {
        try await link.ask("TIME").time()
    }

    /// Puts off the time at which `ending` has an alert that still holds (Unix ms). It, and the lists that it is in, are kept for 90
    /// days from now. Does nothing to one that is resolved, or not there.
    package func postpone(_ alert: Alert, to time: Int64) async throws(StoreError) {
        let kept = [
            keys.alert(alert.id), keys.all, keys.ofScope(alert.scope.description), keys.inState(alert.state),
            keys.ending,
        ]
        try await change([move(alert.id, to: time)] + kept.map { ["PEXPIRE", $0, "\(Self.kept)"] })
    }

    /// Puts off the time of one about which nothing can be said now.
    package func putOff(_ id: String, to time: Int64) async throws(StoreError) {
        try await change([move(id, to: time)])
    }

    private func move(_ id: String, to time: Int64) -> [String] { ["ZADD", keys.ending, "XX", "\(time)", id] }

    private func change(_ commands: [[String]]) async throws(StoreError) {
        for reply in try await link.ask(commands, isChange: true) { _ = try reply.checked(of: keys.ending) }
    }
}

package import TollgateCore
import TollgatePolicy
import TollgateRedis

/// The open and acknowledged alerts by the time of their next review, for alerts of scopes that no request names.
package struct AlertReviewQueue: Sendable {
    /// Alerts whose time of review has come.
    package struct Due: Sendable {
        package struct Item: Sendable {
            package var id: String
            /// The alert, open or acknowledged, or the reason why it cannot be read.
            package var alert: Result<Alert, StoreError>
        }

        /// The current time by Redis's clock, Unix ms.
        package var now: Int64
        /// The items, longest due first.
        package var items: [Item]
        /// Whether more alerts may be due.
        package var hasMore: Bool
    }

    /// The retention of alerts and of their indexes after the last change, in ms, as in alerts/publish.lua.
    private static let retention: Int64 = 90 * 86_400_000

    let hashes: AlertHashes

    private var link: StoreLink { hashes.link }
    private var keys: AlertKeys { hashes.keys }

    /// Returns the alerts that are due, and removes those from the queue that are resolved or have expired.
    ///
    /// - Parameters:
    ///   - time: The time by which an alert is due, Unix ms; nil for Redis's time.
    ///   - count: 1 or more.
    package func due(before time: Int64? = nil, atMost count: Int) async throws(StoreError) -> Due {
        let replies = try await link.send([["TIME"], ["ZRANGE", keys.ending, "0", "\(count - 1)", "WITHSCORES"]])
        let now = try replies[0].time()
        let due = try replies[1].pairs(of: keys.ending).filter { (Double($0.1) ?? 0) <= Double(time ?? now) }
        return Due(now: now, items: try await items(due.map(\.0)), hasMore: due.count == count)
    }

    private func items(_ ids: [String]) async throws(StoreError) -> [Due.Item] {
        var (items, resolved): ([Due.Item], [String]) = ([], [])
        for (id, found) in zip(ids, try await hashes.alerts(ids, removingExpiredFrom: [keys.ending])) {
            switch found {
            case .success(let alert?) where alert.state == .resolved: resolved.append(id)
            case .success(let alert?): items.append(Due.Item(id: id, alert: .success(alert)))
            case .success(nil): break
            case .failure(let error): items.append(Due.Item(id: id, alert: .failure(error)))
            }
        }
        if !resolved.isEmpty { _ = try await link.send([["ZREM", keys.ending] + resolved], isChange: true) }
        return items
    }

    /// Postpones the review of a still-active alert to `time` (Unix ms), and retains the alert and its indexes for
    /// another 90 days. Does nothing if the alert is resolved or missing.
    package func postpone(_ alert: Alert, to time: Int64) async throws(StoreError) {
        let retained = [
            keys.alert(alert.id), keys.all, keys.ofScope(alert.scope.description), keys.inState(alert.state),
            keys.ending,
        ]
        try await change([move(alert.id, to: time)] + retained.map { ["PEXPIRE", $0, "\(Self.retention)"] })
    }

    /// Postpones the review of an alert that cannot be reviewed now to `time` (Unix ms), without retaining it for
    /// longer.
    package func reschedule(_ id: String, to time: Int64) async throws(StoreError) {
        try await change([move(id, to: time)])
    }

    private func move(_ id: String, to time: Int64) -> [String] { ["ZADD", keys.ending, "XX", "\(time)", id] }

    private func change(_ commands: [[String]]) async throws(StoreError) {
        for reply in try await link.send(commands, isChange: true) { _ = try reply.checked(of: keys.ending) }
    }
}

extension Alert {
    private static let (minute, day): (Int64, Int64) = (60_000, 86_400_000)

    /// The time until the next review of an alert that still applies, in ms: half a window or a day. It is a minute
    /// under an override, which may end before the period does.
    package var reviewInterval: Int64 {
        if isUnderOverride { return Self.minute }
        if case .sliding(let seconds) = period { return Swift.max(seconds * 500, 5_000) }
        return Self.day
    }

    /// The time of the first review, Unix ms.
    var firstReview: Int64 {
        guard let endsAt, !isUnderOverride else { return min(openedAt + reviewInterval, endsAt ?? .max) }
        return endsAt
    }

    private var isUnderOverride: Bool { source == EffectiveLimit.Source.override.word }
}

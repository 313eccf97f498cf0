package import Logging
import NIOCore
package import TollgateCore
package import TollgateLedger
import TollgatePolicy
import TollgateRedis

/// The store of alerts, denial events and deliveries in Redis, shared by all sidecars.
///
/// It is not on the decision path. It can be used from any task, and sends its commands over one link.
package final class AlertStore: Sendable {
    private static let publishFunction = RedisFunction("alerts/publish")
    private static let forgetFunction = RedisFunction("alerts/forget")
    static let removePublishedFunction = RedisFunction("alerts/remove_published")

    let link: StoreLink
    package let keys: AlertKeys
    /// The events of alerts, in order.
    package let stream: AlertStream
    /// The denial events, in order.
    package let denials: DenialStream
    /// The alerts to review when no request names their scope.
    package let reviews: AlertReviewQueue

    private let keySpace: KeySpace
    private let hashes: AlertHashes
    private let list: AlertList

    package init(link: StoreLink, keySpace: KeySpace, logger: Logger) {
        let malformed = OnceLog(logger)
        self.link = link
        self.keySpace = keySpace
        keys = AlertKeys(namespace: keySpace.namespace)
        hashes = AlertHashes(link: link, keys: keys)
        list = AlertList(hashes: hashes, malformed: malformed)
        stream = AlertStream(link: link, key: keys.deliveries)
        denials = DenialStream(link: link, key: keys.events, malformed: malformed)
        reviews = AlertReviewQueue(hashes: hashes)
    }

    /// The unit of amounts of `cost`.
    package var moneyUnit: MoneyUnit { keySpace.moneyUnit }

    /// The clock of Redis, Unix ms.
    package func redisTime() async throws(StoreError) -> Int64 {
        try await link.send("TIME").time()
    }

    // MARK: - Reading

    /// Reads one alert; nil if there is none with that id. Throws `.corrupt` if it is malformed.
    package func alert(_ id: String) async throws(StoreError) -> Alert? {
        try await hashes.alert(id)
    }

    /// Returns a page of the alerts that match a filter, newest first.
    ///
    /// A change between two pages neither hides nor repeats another alert. A page may be short and still have a next
    /// one. Malformed alerts are logged once and left out.
    ///
    /// - Parameter count: 1 … 1000.
    /// - Throws: `.badCursor`; `.corrupt` if an index has another type.
    package func alerts(
        _ filter: AlertFilter = AlertFilter(), before cursor: String? = nil, atMost count: Int
    ) async throws(StoreError) -> Page<Alert> {
        try await list.page(filter, before: cursor, atMost: count)
    }

    /// Returns open and acknowledged alerts, newest first. `count` is 1 or more.
    package func active(atMost count: Int) async throws(StoreError) -> [Alert] {
        try await list.active(atMost: count)
    }

    // MARK: - Changes by the batch function

    /// Publishes a change that the batch function made, to all sidecars and receivers.
    ///
    /// Idempotent: an existing alert is not opened again, and an alert that is resolved or missing is not resolved.
    ///
    /// - Throws: `.corrupt` if a key has another type or the alert is malformed; nothing was changed then.
    ///   `.unknownOutcome` or `.unavailable` if Redis does not answer.
    package func publish(_ change: AlertChange) async throws(StoreError) {
        switch change {
        case .opened(let alert):
            _ = try await write(alert, .opened, ifState: nil, at: alert.openedAt)
        case .resolved(let id, let at, let reason):
            _ = try await update(id, .resolved, at: at) { alert in
                guard alert.state != .resolved else { return false }
                alert.resolved = Alert.Mark(at: at, by: "auto")
                alert.reason = reason
                return true
            }
        }
    }

    /// Opens an alert that no batch function has made. Returns whether it is new: an alert with its id is not opened
    /// again.
    package func open(_ alert: Alert) async throws(StoreError) -> Bool {
        try await write(alert, .opened, ifState: nil, at: alert.openedAt)
    }

    /// Resolves an alert that no batch function has made, as `auto`. An alert that is resolved or missing stays as it is.
    ///
    /// - Parameter at: Unix ms.
    package func end(_ id: String, for reason: Alert.Reason, at: Int64) async throws(StoreError) {
        try await publish(.resolved(id: id, at: at, reason: reason))
    }

    /// Removes a published item from the outbox of a scope. Idempotent.
    package func removePublished(_ item: String, of scope: Scope) async throws(StoreError) {
        let key = keySpace.hash(of: scope)
        let reply = try await link.call(Self.removePublishedFunction, keys: [key], arguments: [item], isChange: true)
        _ = try reply.checked(of: key)
    }

    /// Whether the hash of the scope lists the alert as open. It does not if the batch function has seen usage below
    /// the threshold, or if the hash has expired.
    package func applies(_ alert: Alert) async throws(StoreError) -> Bool {
        let key = keySpace.hash(of: alert.scope)
        switch try await link.send("HGET", key, "alerts").checked(of: key) {
        case .bulk(let text): return Self.isOpen(alert, in: String(buffer: text))
        case .null: return false
        default: throw .unexpectedReply(about: key)
        }
    }

    /// Returns the resolution of an alert that the batch function has made and no sidecar has published yet; nil if
    /// there is none.
    package func unpublishedResolution(of alert: Alert) async throws(StoreError) -> AlertChange? {
        let key = keySpace.hash(of: alert.scope)
        switch try await link.send("HGET", key, "outbox").checked(of: key) {
        case .bulk(let text): return AlertOutbox.resolution(of: alert, in: String(buffer: text))
        case .null: return nil
        default: throw .unexpectedReply(about: key)
        }
    }

    /// Removes an alert, whose limit no longer exists, from the hash of its scope.
    package func forget(_ alert: Alert) async throws(StoreError) {
        let key = keySpace.hash(of: alert.scope)
        let reply = try await link.call(
            Self.forgetFunction, keys: [key],
            arguments: [alert.limitName, "\(alert.threshold)", "\(alert.openedAt)"], isChange: true)
        _ = try reply.checked(of: key)
    }

    /// Parses the field `alerts`, which lua/alerts/book.lua describes:
    /// `cost/day 2026-11-20/1795219200000 80:20000000000:1795190000000@basic 95:20000000000:-1795200000000;…`
    private static func isOpen(_ alert: Alert, in text: String) -> Bool {
        text.split(separator: ";").contains { entry in
            let words = entry.split(separator: " ")
            guard words.first.map({ $0 == alert.limitName }) ?? false else { return false }
            return words.dropFirst(2).contains { item in
                let parts = item.split(separator: ":", maxSplits: 2)
                guard parts.count == 3, parts[0] == "\(alert.threshold)" else { return false }
                return parts[2].prefix { $0 == "-" || $0.isNumber } == "\(alert.openedAt)"
            }
        }
    }

    // MARK: - Changes by administrators

    /// Acknowledges an open alert, at a time in Unix ms. This does not affect whether the limit raises another alert.
    ///
    /// - Returns: The alert after the change.
    /// - Throws: `.missing`; `.alreadyDone` if it is acknowledged or resolved; `.corrupt`, `.unknownOutcome`, `.unavailable`.
    package func acknowledge(_ id: String, by author: Author, at: Int64) async throws(StoreError) -> Alert {
        try await change(id, .acknowledged, at: at) { alert throws(StoreError) in
            if let mark = alert.resolved ?? alert.acknowledged { throw alert.alreadyDone(mark) }
            alert.acknowledged = Alert.Mark(at: at, by: author.name)
        }
    }

    /// Resolves an alert, at a time in Unix ms. This does not affect whether the limit raises another alert.
    ///
    /// - Returns: The alert after the change.
    /// - Throws: `.missing`; `.alreadyDone` if it is resolved; `.corrupt`, `.unknownOutcome`, `.unavailable`.
    package func resolve(_ id: String, by author: Author, at: Int64) async throws(StoreError) -> Alert {
        try await change(id, .resolved, at: at) { alert throws(StoreError) in
            if let mark = alert.resolved { throw alert.alreadyDone(mark) }
            alert.resolved = Alert.Mark(at: at, by: author.name)
            alert.reason = .byHand
        }
    }

    private func change(
        _ id: String, _ event: Alert.Event, at: Int64, _ edit: (inout Alert) throws(StoreError) -> Void
    ) async throws(StoreError) -> Alert {
        let alert = try await update(id, event, at: at) { alert throws(StoreError) in
            try edit(&alert)
            return true
        }
        guard let alert else { throw .missing }
        return alert
    }

    // MARK: - Writing

    /// Moves an alert to its next state by compare-and-set, so that concurrent changes do not overwrite each other.
    ///
    /// - Parameter edit: Sets everything but the state, and returns whether the alert changes.
    /// - Returns: The alert after the change, or the unchanged alert; nil if there is none with that id.
    private func update(
        _ id: String, _ event: Alert.Event, at: Int64, _ edit: (inout Alert) throws(StoreError) -> Bool
    ) async throws(StoreError) -> Alert? {
        while true {
            guard var alert = try await alert(id) else { return nil }
            let state = alert.state
            guard try edit(&alert) else { return alert }
            alert.state = event.state
            // Repeats at most twice, because states never go back.
            if try await write(alert, event, ifState: state, at: at) { return alert }
        }
    }

    /// Writes an alert if its stored state is the expected one.
    ///
    /// - Parameter state: The expected state; nil if there must be no such alert.
    /// - Returns: Whether the alert was written.
    private func write(
        _ alert: Alert, _ event: Alert.Event, ifState state: Alert.State?, at: Int64
    ) async throws(StoreError) -> Bool {
        guard alert.isInRange else { throw .corrupt("\(keys.alert(alert.id)): a time or an amount is out of range") }
        guard let json = try? CanonicalJSON.text(alert) else { throw .unavailable("cannot be written as JSON") }
        // In the order of lua/alerts/publish.lua.
        let keys = [
            keys.alert(alert.id), keys.all, keys.ofScope(alert.scope.description),
            keys.inState(state ?? event.state), keys.inState(event.state), keys.ending, keys.deliveries,
        ]
        let arguments = [
            state?.rawValue ?? "", event.rawValue, alert.id, "\(alert.openedAt)",
            "\(alert.firstReview)", "\(at)", json, self.keys.news,
        ]
        let reply = try await link.call(
            Self.publishFunction, keys: keys, arguments: arguments + StoredAlert.fields(of: alert), isChange: true)
        let words = try reply.texts(of: keys[0])
        guard words.count == 2 else { throw .unexpectedReply(about: keys[0]) }
        switch words[0] {
        case "done": return true
        case "other_state": return false
        case "corrupt": throw .corrupt("\(keys[0]): has no state")
        case "other_type": throw .corrupt("\(Int(words[1]).map { keys[$0 - 1] } ?? keys[0]): wrong data type")
        default: throw .unavailable("unexpected reply from alerts/publish: \(words[0])")
        }
    }
}

extension Alert {
    fileprivate func alreadyDone(_ mark: Mark) -> StoreError {
        .alreadyDone("\(id): \(state.rawValue) by \(mark.by) already\(reason.map { " (\($0.rawValue))" } ?? "")")
    }
}

extension Alert.Event {
    /// The state of an alert after the event.
    fileprivate var state: Alert.State {
        switch self {
        case .opened: .open
        case .acknowledged: .acknowledged
        case .resolved: .resolved
        }
    }
}

import Foundation
import NIOCore
package import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateRedis

/// The deliveries to one receiver that remain to be made: its consumer group of the stream of alert events.
///
/// The group has one consumer, which is the sidecar that has the receiver's lease. A queue can be used from any task,
/// and sends its commands over the store's link.
package struct DeliveryQueue: Sendable {
    /// The reply to a request for the lease.
    package enum Lease: String, Sendable {
        /// No sidecar had the lease; this one has it now.
        case acquired
        /// This sidecar had the lease and has it for longer now.
        case renewed
        /// Another sidecar has the lease.
        case other
    }

    /// The reply to a request for the lease, with the state of Redis at that time.
    package struct LeaseReply: Sendable {
        package var lease: Lease
        /// Redis's time, Unix ms.
        package var now: Int64
        /// The number of retries that administrators have requested. If it changes, the pending entries and the stored
        /// failures have to be read again.
        package var retries: String
    }

    /// An entry of the stream, as read for a receiver.
    package enum Item: Sendable, Equatable {
        case entry(AlertEntry)
        /// An entry that is malformed or no longer in the stream; the sentence says which.
        case unreadable(id: String, sentence: String)

        /// The stream id.
        package var id: String {
            switch self {
            case .entry(let entry): entry.id
            case .unreadable(let id, _): id
            }
        }
    }

    /// Entries that newer ones have displaced from the stream before they were read for a receiver.
    package enum Missed: Sendable, Equatable {
        case count(Int64)
        /// Redis cannot tell how many.
        case unknown
    }

    private static let leaseFunction = RedisFunction("delivery/lease")
    private static let failFunction = RedisFunction("delivery/fail")
    private static let skipMissedFunction = RedisFunction("delivery/skip_missed")

    /// The consumer of every sidecar, so that each continues where the last one stopped.
    static let consumer = "tollgate"
    /// The field of the hash of attempts that contains the receiver's outage.
    private static let outageField = "receiver"

    let link: StoreLink
    let keys: AlertKeys
    package let receiver: String

    package init(_ store: AlertStore, receiver: String) {
        link = store.link
        keys = store.keys
        self.receiver = receiver
    }

    /// Acquires or renews the lease.
    ///
    /// - Parameter milliseconds: The duration; 0 releases the lease.
    package func lease(for sidecar: String, milliseconds: Int64) async throws(StoreError) -> LeaseReply {
        let key = keys.lease(receiver)
        let reply = try await link.call(
            Self.leaseFunction, keys: [key, keys.retries(receiver)], arguments: [sidecar, "\(milliseconds)"])
        guard case .array(let parts) = try reply.checked(of: key), parts.count == 3, case .bulk(let word) = parts[0],
            let lease = Lease(rawValue: String(buffer: word)), case .integer(let now) = parts[1],
            case .bulk(let retries) = parts[2]
        else { throw .unexpectedReply(about: key) }
        return LeaseReply(lease: lease, now: now, retries: String(buffer: retries))
    }

    /// Creates the receiver's consumer group if there is none. The group starts with the entries written at a time
    /// (Unix ms, Redis's clock) or later.
    package func open(from time: Int64) async throws(StoreError) {
        let reply = try await link.send(
            "XGROUP", "CREATE", keys.deliveries, receiver, time > 0 ? "\(time)-0" : "0", "MKSTREAM")
        if case .error(let sentence) = reply, sentence.hasPrefix("BUSYGROUP") { return }
        _ = try reply.checked(of: keys.deliveries)
    }

    /// Publishes a message on a channel of Redis.
    package func publish(_ text: String, on channel: String) async throws(StoreError) {
        _ = try await link.send("PUBLISH", channel, text).checked(of: channel)
    }

    // MARK: - Reading

    /// Reads new entries, oldest first. They are pending from then on. Nil if there is no group.
    package func fresh(atMost count: Int) async throws(StoreError) -> [Item]? {
        try await read(after: ">", atMost: count)
    }

    /// Reads pending entries, which were read before and neither acknowledged nor dead-lettered, oldest first.
    ///
    /// - Parameter id: The entry after which to read; `0` starts at the first.
    /// - Returns: Nil if there is no group.
    package func pending(after id: String, atMost count: Int) async throws(StoreError) -> [Item]? {
        try await read(after: id, atMost: count)
    }

    /// Decodes `[[stream, [[id, [field, value, …]], …]]]`, or null.
    private func read(after id: String, atMost count: Int) async throws(StoreError) -> [Item]? {
        let key = keys.deliveries
        let reply = try await link.send(
            "XREADGROUP", "GROUP", receiver, Self.consumer, "COUNT", "\(count)", "STREAMS", key, id)
        if case .error(let sentence) = reply, sentence.hasPrefix("NOGROUP") { return nil }
        if case .null = reply { return [] }
        guard case .array(let streams) = try reply.checked(of: key), streams.count == 1,
            case .array(let parts) = streams[0], parts.count == 2, case .array(let entries) = parts[1]
        else { throw .unexpectedReply(about: key) }
        var items: [Item] = []
        for entry in entries { items.append(try item(entry)) }
        return items
    }

    private func item(_ reply: RedisReply) throws(StoreError) -> Item {
        guard case .array(let parts) = reply, parts.count == 2, case .bulk(let bytes) = parts[0] else {
            throw .unexpectedReply(about: keys.deliveries)
        }
        let id = String(buffer: bytes)
        // A pending entry that was trimmed from the stream has no fields.
        if case .null = parts[1] {
            return .unreadable(id: id, sentence: "displaced from the stream by newer events")
        }
        do throws(StoreError) {
            return .entry(try AlertEntry(reply, of: keys.deliveries))
        } catch {
            guard case .corrupt(let sentence) = error else { throw error }
            return .unreadable(id: id, sentence: sentence)
        }
    }

    /// Reads the failed deliveries by their stream ids, and the receiver's outage.
    package func failures() async throws(StoreError) -> (
        deliveries: [String: FailedDelivery], outage: ReceiverOutage?
    ) {
        Self.failures(try await link.send("HGETALL", keys.attempts(receiver)).pairs(of: keys.attempts(receiver)))
    }

    /// Decodes the hash of attempts. A malformed field counts as none: the delivery, or the receiver, is tried again.
    static func failures(_ fields: [(String, String)]) -> (
        deliveries: [String: FailedDelivery], outage: ReceiverOutage?
    ) {
        var (deliveries, outage): ([String: FailedDelivery], ReceiverOutage?) = ([:], nil)
        for (name, json) in fields {
            if name == outageField {
                outage = try? JSONDecoder().decode(ReceiverOutage.self, from: Data(json.utf8))
            } else {
                deliveries[name] = try? JSONDecoder().decode(FailedDelivery.self, from: Data(json.utf8))
            }
        }
        return (deliveries, outage)
    }

    /// Returns when an alert was resolved, and by whom; nil if it was not, or is no longer stored or malformed.
    package func resolution(of alert: String) async throws(StoreError) -> Alert.Mark? {
        do throws(StoreError) {
            return try await AlertHashes(link: link, keys: keys).alert(alert)?.resolved
        } catch {
            guard case .corrupt = error else { throw error }
            return nil
        }
    }

    // MARK: - Outcomes

    /// Acknowledges deliveries that were made, or that the receiver's filter excludes.
    ///
    /// - Parameter endsOutage: Whether the outage of the receiver has ended.
    package func acknowledge(_ ids: [String], endsOutage: Bool = false) async throws(StoreError) {
        let fields = ids + (endsOutage ? [Self.outageField] : [])
        guard !fields.isEmpty else { return }
        var commands = [["HDEL", keys.attempts(receiver)] + fields]
        if !ids.isEmpty { commands.insert(["XACK", keys.deliveries, receiver] + ids, at: 0) }
        for reply in try await link.send(commands) { _ = try reply.checked(of: keys.attempts(receiver)) }
    }

    /// Stores a failed delivery that will be retried.
    ///
    /// - Returns: False if another sidecar has the lease; nothing was stored then.
    package func note(_ failure: FailedDelivery, of id: String, by sidecar: String) async throws(StoreError) -> Bool {
        guard let json = try? CanonicalJSON.text(failure) else { throw .unavailable("cannot be written as JSON") }
        return try await fail(id, by: sidecar, ["retry", json])
    }

    /// Stores an outage of the receiver, which other sidecars then respect. `acknowledge` with `endsOutage` deletes it.
    ///
    /// - Returns: False if another sidecar has the lease; nothing was stored then.
    package func note(_ outage: ReceiverOutage, by sidecar: String) async throws(StoreError) -> Bool {
        guard let json = try? CanonicalJSON.text(outage) else { throw .unavailable("cannot be written as JSON") }
        return try await fail(Self.outageField, by: sidecar, ["retry", json])
    }

    /// Moves a delivery to the dead-letter stream, which retains the last 1000 entries for 90 days.
    ///
    /// - Parameter failure: Its `lastError` is the reason. Its `nextAt` is ignored.
    /// - Returns: False if another sidecar has the lease; nothing was changed then.
    package func deadLetter(
        _ failure: FailedDelivery, of id: String, by sidecar: String
    ) async throws(StoreError) -> Bool {
        try await fail(
            id, by: sidecar,
            [
                "dead-letter", "delivery", id, "alert", failure.alert, "event", failure.event, "attempts",
                "\(failure.attempts)", "first_at", "\(failure.firstAt)", "reason", failure.lastError,
            ])
    }

    private func fail(_ id: String, by sidecar: String, _ rest: [String]) async throws(StoreError) -> Bool {
        let keys = [keys.lease(receiver), keys.deliveries, keys.attempts(receiver), keys.deadLetters(receiver)]
        let reply = try await link.call(
            Self.failFunction, keys: keys, arguments: [sidecar, receiver, id] + rest)
        guard case .bulk(let word) = try reply.checked(of: keys[3]) else { throw .unexpectedReply(about: keys[3]) }
        switch String(buffer: word) {
        case "done", "not_pending": return true
        case "other": return false
        case "other_type": throw .corrupt("\(keys[3]): wrong data type")
        default: throw .unexpectedReply(about: keys[3])
        }
    }

    /// Adds an entry about the missed events to the dead-letter stream, and moves the group past the gap.
    ///
    /// Redis before 7 cannot detect gaps.
    ///
    /// - Returns: Nil if none were missed, or another sidecar has the lease.
    package func skipMissed(by sidecar: String) async throws(StoreError) -> Missed? {
        let keys = [keys.lease(receiver), keys.deliveries, keys.deadLetters(receiver)]
        let reply = try await link.call(Self.skipMissedFunction, keys: keys, arguments: [sidecar, receiver])
        guard case .integer(let count) = try reply.checked(of: keys[1]) else { throw .unexpectedReply(about: keys[1]) }
        switch count {
        case 0: return nil
        case -1: return .unknown
        default: return .count(count)
        }
    }
}

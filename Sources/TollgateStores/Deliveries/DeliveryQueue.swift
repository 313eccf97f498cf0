import NIOCore
import TollgateCore
import TollgateLedger
import TollgateRedis

/// What one receiver has still to be told, in Redis: its consumer group of the stream of deliveries, with one consumer in it,
/// whichever sidecar that is at present; its lease says which.
///
/// Usable from any task; goes over the store's link.
package struct DeliveryQueue: Sendable {
    /// What the asking for the lease came to.
    package enum Lease: String, Sendable {
        /// It was nobody's and is the sidecar's now.
        case taken
        /// It was the sidecar's and is so for longer now.
        case kept
        /// It is another's.
        case other
    }

    private static let leaseFunction = RedisFunction("delivery/lease")
    static let settleFunction = RedisFunction("delivery/fail")
    static let missedFunction = RedisFunction("delivery/skip_missed")

    /// One for all sidecars, so that the next one goes on with what the last one has begun.
    static let consumer = "tollgate"

    /// The field of the hash of attempts that is no delivery's.
    static let outage = "receiver"

    let link: StoreLink
    let keys: AlertKeys
    package let receiver: String

    package init(_ store: AlertStore, receiver: String) {
        link = store.link
        keys = store.keys
        self.receiver = receiver
    }

    /// Asks for the lease, or for more of it.
    ///
    /// - Parameter milliseconds: for how long; 0 gives it back.
    /// - Returns: with Redis's time, Unix ms.
    package func lease(
        for sidecar: String, milliseconds: Int64
    ) async throws(StoreError) -> (lease: Lease, now: Int64) {
        let key = keys.lease(receiver)
        let reply = try await link.call(
            Self.leaseFunction, keys: [key], arguments: [sidecar, "\(milliseconds)"])
        guard case .array(let parts) = try reply.checked(of: key), parts.count == 2, case .bulk(let word) = parts[0],
            let lease = Lease(rawValue: String(buffer: word)), case .integer(let now) = parts[1]
        else { throw .unexpectedReply(about: key) }
        return (lease, now)
    }

    /// Makes the receiver's group where there is none, to begin with what came at that time (Unix ms, Redis's clock) or later.
    package func open(from time: Int64) async throws(StoreError) {
        let reply = try await link.ask(
            "XGROUP", "CREATE", keys.deliveries, receiver, time > 0 ? "\(time)-0" : "0", "MKSTREAM")
        if case .error(let sentence) = reply, sentence.hasPrefix("BUSYGROUP") { return }
        _ = try reply.checked(of: keys.deliveries)
    }

    /// Takes deliveries off: they have been made, or are not for this receiver.
    ///
    /// - Parameter endsOutage: whether the receiver as a whole fails no more.
    package func acknowledge(_ ids: [String], endsOutage: Bool = false) async throws(StoreError) {
        let fields = ids + (endsOutage ? [Self.outage] : [])
        guard !fields.isEmpty else { return }
        var commands = [["HDEL", keys.attempts(receiver)] + fields]
        if !ids.isEmpty { commands.insert(["XACK", keys.deliveries, receiver] + ids, at: 0) }
        for reply in try await link.ask(commands) { _ = try reply.checked(of: keys.attempts(receiver)) }
    }

    /// Tells a channel of Redis, whoever listens.
    package func publish(_ text: String, on channel: String) async throws(StoreError) {
        _ = try await link.ask("PUBLISH", channel, text).checked(of: channel)
    }
}

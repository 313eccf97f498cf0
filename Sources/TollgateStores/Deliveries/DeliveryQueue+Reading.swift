import Foundation
import NIOCore
import TollgateCore
import TollgateRedis

extension DeliveryQueue {
    /// An entry of the stream, as it is read for a receiver.
    package enum Item: Sendable, Equatable {
        case entry(AlertEntry)
        /// It is not in the stream any more, or is no alert; a sentence says which.
        case unreadable(id: String, sentence: String)
    }

    /// Deliveries that nobody has read yet, oldest first; they are pending from now on. Nil where there is no group.
    package func fresh(atMost count: Int) async throws(StoreError) -> [Item]? {
        try await read(after: ">", atMost: count)
    }

    /// Deliveries that were read and neither made nor given up, oldest first, after the one with that id (`0`: from the first).
    /// Nil where there is no group.
    package func pending(after id: String, atMost count: Int) async throws(StoreError) -> [Item]? {
        try await read(after: id, atMost: count)
    }

    /// `[[stream, [[id, [field, value, …]], …]]]`, or null.
    private func read(after id: String, atMost count: Int) async throws(StoreError) -> [Item]? {
        let key = keys.deliveries
        let reply = try await link.ask(
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
        // A pending entry that the stream has let go of has no fields.
        if case .null = parts[1] {
            return .unreadable(id: id, sentence: "too many newer ones came: it is not in the stream any more")
        }
        do throws(StoreError) {
            return .entry(try AlertEntry(reply, of: keys.deliveries))
        } catch {
            guard case .corrupt(let sentence) = error else { throw error }
            return .unreadable(id: id, sentence: sentence)
        }
    }

    /// What has failed so far, by the id of the delivery, and whether the receiver as a whole fails.
    package func failures() async throws(StoreError) -> (
        deliveries: [String: FailedDelivery], outage: ReceiverOutage?
    ) {
        let words = try await link.ask("HGETALL", keys.attempts(receiver)).texts(of: keys.attempts(receiver))
        return (Self.failures(words), Self.outage(words))
    }

    /// One that cannot be read is as good as none: the receiver is tried.
    static func outage(_ words: [String]) -> ReceiverOutage? {
        let index = stride(from: 0, to: words.count - 1, by: 2).first { words[$0] == outage }
        return index.flatMap { try? JSONDecoder().decode(ReceiverOutage.self, from: Data(words[$0 + 1].utf8)) }
    }

    /// A field that cannot be read is as good as none: the delivery is tried again. Nor is the outage one of them.
    static func failures(_ words: [String]) -> [String: FailedDelivery] {
        var failures: [String: FailedDelivery] = [:]
        for index in stride(from: 0, to: words.count - 1, by: 2) {
            failures[words[index]] = try? JSONDecoder().decode(FailedDelivery.self, from: Data(words[index + 1].utf8))
        }
        return failures
    }
}

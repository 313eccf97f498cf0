import Foundation
import NIOCore
package import TollgateCore
package import TollgateRedis

/// The stream of alert events, which is delivered to receivers and to clients that sent ALERTS. It retains the last 10
/// 000 entries, or a few more.
package struct AlertStream: Sendable {
    let link: StoreLink
    let key: String

    /// Returns entries after an id, oldest first.
    ///
    /// - Parameters:
    ///   - id: The last known id; `0` starts at the first entry.
    ///   - count: 1 or more.
    /// - Throws: `.badCursor` if `id` is not the id of an entry; `.corrupt` if an entry is malformed.
    package func entries(after id: String, atMost count: Int) async throws(StoreError) -> [AlertEntry] {
        let isFirst = id == "0" || id == "0-0"
        guard isFirst || StreamID.isValid(id) else { throw .badCursor }
        let reply = try await link.send("XRANGE", key, isFirst ? "-" : "(\(id)", "+", "COUNT", "\(count)")
        guard case .array(let items) = try reply.checked(of: key) else { throw .unexpectedReply(about: key) }
        var entries: [AlertEntry] = []
        for item in items { entries.append(try AlertEntry(item, of: key)) }
        return entries
    }

    /// Returns the position of the newest entry ever written, even if it has been trimmed; `.start` if there is no
    /// stream.
    package func newestPosition() async throws(StoreError) -> AlertCursor {
        let reply = try await link.send("XINFO", "STREAM", key)
        if case .error(let sentence) = reply, sentence.hasSuffix("no such key") { return .start }
        guard case .array(let words) = try reply.checked(of: key),
            let index = words.firstIndex(of: .bulk(ByteBuffer(string: "last-generated-id"))),
            case .bulk(let id)? = words.dropFirst(index + 1).first,
            let cursor = AlertCursor(parsing: id.readableBytesView)
        else { throw .unexpectedReply(about: key) }
        return cursor
    }

    /// Returns the position of the first entry after a cursor, whether that entry is readable or not; nil if there is
    /// none.
    ///
    /// - Throws: `.badCursor` for the last possible position.
    package func position(after cursor: AlertCursor) async throws(StoreError) -> AlertCursor? {
        guard cursor != AlertCursor(milliseconds: .max, sequence: .max) else { throw .badCursor }
        let reply = try await link.send("XRANGE", key, cursor == .start ? "-" : "(\(cursor)", "+", "COUNT", "1")
        guard let entry = try StreamEntry.all(reply, of: key).first else { return nil }
        guard let position = AlertCursor(parsing: entry.id.utf8) else { throw .unexpectedReply(about: key) }
        return position
    }
}

/// An entry of the stream of alert events.
package struct AlertEntry: Sendable, Equatable {
    /// The stream id: `1795219201123-0`.
    package var id: String
    /// The event.
    package var event: Alert.Event
    /// The alert after the event.
    package var alert: Alert

    package init(id: String, event: Alert.Event, alert: Alert) {
        self.id = id
        self.event = event
        self.alert = alert
    }

    /// Decodes an item of the reply to XRANGE or XREADGROUP.
    ///
    /// - Parameter key: The stream, for error messages.
    /// - Throws: `.corrupt` if the entry is not one that alerts/publish.lua writes.
    package init(_ reply: RedisReply, of key: String) throws(StoreError) {
        let entry = try StreamEntry(reply, of: key)
        guard let event = entry.fields["event"].flatMap(Alert.Event.init), let json = entry.fields["alert"],
            let alert = try? JSONDecoder().decode(Alert.self, from: Data(json.utf8))
        else { throw .corrupt("\(key), entry \(entry.id): malformed entry") }
        self.init(id: entry.id, event: event, alert: alert)
    }
}

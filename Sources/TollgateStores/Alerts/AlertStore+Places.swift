import NIOCore
package import TollgateCore
import TollgateRedis

extension AlertStore {
    /// The place of the newest entry that there has been, whether it is still there or not; the start where there is no stream.
    package func newestPlace() async throws(StoreError) -> AlertCursor {
        let reply = try await link.ask("XINFO", "STREAM", keys.deliveries)
        if case .error(let sentence) = reply, sentence.hasSuffix("no such key") { return .start }
        guard case .array(let words) = try reply.checked(of: keys.deliveries),
            let index = words.firstIndex(of: .bulk(ByteBuffer(string: "last-generated-id"))),
            case .bulk(let place)? = words.dropFirst(index + 1).first,
            let cursor = AlertCursor(parsing: place.readableBytesView)
        else { throw .unexpectedReply(about: keys.deliveries) }
        return cursor
    }

    /// The place of the first entry after another, be the entry readable or not; nil where that is the last. Throws `.badCursor`
    /// at the very last place there can be.
    package func place(after cursor: AlertCursor) async throws(StoreError) -> AlertCursor? {
        guard cursor != AlertCursor(milliseconds: .max, sequence: .max) else { throw .badCursor }
        let start = cursor == .start ? "-" : "(\(cursor)"
        return try place(in: try await link.ask("XRANGE", keys.deliveries, start, "+", "COUNT", "1"))
    }

    private func place(in reply: RedisReply) throws(StoreError) -> AlertCursor? {
        guard let entry = try StreamEntry.all(reply, of: keys.deliveries).first else { return nil }
        guard let cursor = AlertCursor(parsing: entry.id.utf8) else {
            throw .unexpectedReply(about: keys.deliveries)
        }
        return cursor
    }
}

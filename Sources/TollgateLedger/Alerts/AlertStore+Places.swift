import NIOCore
package import TollgateCore
import TollgateRedis

extension AlertStore {
    /// The place of the newest entry; the start where there is none.
    package func newestPlace() async throws(StoreError) -> AlertCursor {
        try place(in: try await link.ask("XREVRANGE", keys.deliveries, "+", "-", "COUNT", "1")) ?? .start
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

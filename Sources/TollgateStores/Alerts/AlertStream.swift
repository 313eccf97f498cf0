import NIOCore
import TollgateCore
import TollgateRedis

extension AlertStore {
    /// What is to be delivered, oldest first: the last 10 000 entries, and some more.
    ///
    /// - Parameters:
    ///   - id: of the last entry that is known; `0` begins at the first.
    ///   - count: 1 or more.
    /// - Throws: `.badCursor` where `id` is no place in a stream.
    package func entries(after id: String, atMost count: Int) async throws(StoreError) -> [AlertEntry] {
        let isFirst = id == "0" || id == "0-0"
        guard isFirst || StreamEntry.isID(id) else { throw .badCursor }
        let start = isFirst ? "-" : "(\(id)"
        let reply = try await link.ask("XRANGE", keys.deliveries, start, "+", "COUNT", "\(count)")
        guard case .array(let items) = try reply.checked(of: keys.deliveries) else {
            throw .unexpectedReply(about: keys.deliveries)
        }
        var entries: [AlertEntry] = []
        for item in items { entries.append(try AlertEntry(item, of: keys.deliveries)) }
        return entries
    }
}

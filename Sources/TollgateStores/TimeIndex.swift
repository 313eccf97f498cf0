import TollgateLedger
import TollgateRedis

/// A sorted set of ids by time, such as the alerts of a scope or the scopes seen of a kind. It is read in pages, newest
/// first unless `order` says otherwise.
struct TimeIndex {
    /// The order of the pages. Only `Position.precedes` assumes the newest first.
    enum Order: String {
        case newestFirst = "newest"
        case oldestFirst = "oldest"
    }

    /// The position of an id in the index.
    struct Position: Sendable {
        /// The time of the id, Unix ms.
        var time: Int64
        var id: String

        init(time: Int64, id: String) {
            self.time = time
            self.id = id
        }

        /// Decodes a cursor. Throws `.badCursor`.
        init(cursor: String) throws(StoreError) {
            let parts = try PageCursor.decode(cursor).split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let time = Int64(parts[0]), time >= 0 else { throw .badCursor }
            self.init(time: time, id: String(parts[1]))
        }

        /// The text of the position, for a cursor.
        var text: String { "\(time) \(id)" }

        func precedes(_ other: Position) -> Bool { (time, id) > (other.time, other.id) }
    }

    private static let function = RedisFunction("policy/seen")

    let link: StoreLink
    let key: String
    var order = Order.newestFirst

    /// Returns the positions after one, or from the first on.
    ///
    /// - Throws: `.corrupt` if the key holds the wrong data type, or a score is not a whole number.
    func positions(after position: Position?, atMost count: Int) async throws(StoreError) -> [Position] {
        let reply = try await link.call(
            Self.function, keys: [key],
            arguments: ["\(count)", position.map { "\($0.time)" } ?? "", position?.id ?? "", order.rawValue])
        var positions: [Position] = []
        for (id, score) in try reply.pairs(of: key) {
            guard let time = Int64(score) else { throw .corrupt("\(key): \(id): expected a time in ms") }
            positions.append(Position(time: time, id: id))
        }
        return positions
    }
}

package import TollgateCore
package import TollgateLedger
import TollgateRedis

/// Reads the open reservations of scopes. It is not on the decision path, and can be used from any task.
package final class ReservationStore: Sendable {
    /// The number of holds read at a time.
    private static let portion = 1_000

    private let link: StoreLink
    private let keySpace: KeySpace

    package init(link: StoreLink, keySpace: KeySpace) {
        self.link = link
        self.keySpace = keySpace
    }

    /// Returns a page of the open reservations of a scope by their end, earliest first.
    ///
    /// - Parameters:
    ///   - now: Redis's time, Unix ms. Reservations that have ended are left out.
    ///   - count: 1 or more.
    package func open(
        of scope: Scope, at now: Int64, after cursor: String?, atMost count: Int
    ) async throws(StoreError) -> Page<OpenHold> {
        let last = try cursor.map { cursor throws(StoreError) in try Self.position(cursor) }
        var holds: [OpenHold] = []
        var start = 0
        while holds.count <= count {
            // Starts at the end of the previous page, so that holds that end meanwhile shift no others.
            let found = try await read(scope, from: last?.endsAt ?? now + 1, skipping: start)
            start += Self.portion
            holds += found.holds.filter { hold in last.map { ($0.endsAt, $0.id) < (hold.endsAt, hold.id) } ?? true }
            if found.isLast { break }
        }
        holds.sort { ($0.endsAt, $0.id) < ($1.endsAt, $1.id) }
        return Page(holds, atMost: count) { "\($0.endsAt) \($0.id)" }
    }

    /// Finds the open reservation with an id; nil if there is none. Reads all holds of the scope, in portions.
    package func find(_ id: String, of scope: Scope, at now: Int64) async throws(StoreError) -> OpenHold? {
        var start = 0
        while true {
            let found = try await read(scope, from: now + 1, skipping: start)
            if let hold = found.holds.first(where: { $0.id == id }) { return hold }
            if found.isLast { return nil }
            start += Self.portion
        }
    }

    /// Reads a portion of holds. Leaves out malformed ones, which an older version has written.
    private func read(
        _ scope: Scope, from time: Int64, skipping start: Int
    ) async throws(StoreError) -> (holds: [OpenHold], isLast: Bool) {
        let key = keySpace.holds(of: scope)
        let pairs = try await link.send(
            "ZRANGEBYSCORE", key, "\(time)", "+inf", "WITHSCORES", "LIMIT", "\(start)", "\(Self.portion)"
        ).pairs(of: key)
        let holds = pairs.compactMap { OpenHold($0, score: $1) }
        return (holds, pairs.count < Self.portion)
    }

    private static func position(_ cursor: String) throws(StoreError) -> (endsAt: Int64, id: String) {
        let words = try PageCursor.decode(cursor).split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, let endsAt = Int64(words[0]) else { throw .badCursor }
        return (endsAt, String(words[1]))
    }
}

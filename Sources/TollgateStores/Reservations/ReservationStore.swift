package import TollgateCore
package import TollgateLedger
import TollgateRedis

/// Reads the open reservations of scopes. Never on the way of a request.
///
/// Usable from any task.
package final class ReservationStore: Sendable {
    /// Holds read at a time.
    private static let portion = 1_000

    private let link: StoreLink
    private let keySpace: KeySpace

    package init(link: StoreLink, keySpace: KeySpace) {
        self.link = link
        self.keySpace = keySpace
    }

    /// Those that end first come first. `now`: Redis's time, Unix ms; what has ended is left out. `count` is 1 or more.
    package func open(
        of scope: Scope, at now: Int64, after cursor: String?, atMost count: Int
    ) async throws(StoreError) -> Page<OpenHold> {
        let place = try cursor.map { cursor throws(StoreError) in try Self.place(cursor) }
        var holds: [OpenHold] = []
        var start = 0
        while holds.count <= count {
            // From the end of the page before on: holds that end meanwhile move no others.
            let found = try await read(scope, from: place?.endsAt ?? now + 1, skipping: start)
            start += Self.portion
            holds += found.holds.filter { hold in place.map { ($0.endsAt, $0.id) < (hold.endsAt, hold.id) } ?? true }
            if found.isLast { break }
        }
        holds.sort { ($0.endsAt, $0.id) < ($1.endsAt, $1.id) }
        let page = PageCursor.cut(holds, atMost: count) { "\($0.endsAt) \($0.id)" }
        return Page(items: Array(page.items), next: page.next)
    }

    /// The open reservation with an id; nil where there is none. Reads all holds of the scope, in portions.
    package func find(_ id: String, of scope: Scope, at now: Int64) async throws(StoreError) -> OpenHold? {
        var start = 0
        while true {
            let found = try await read(scope, from: now + 1, skipping: start)
            if let hold = found.holds.first(where: { $0.id == id }) { return hold }
            if found.isLast { return nil }
            start += Self.portion
        }
    }

    /// What cannot be read is left out: it is of an older version.
    private func read(
        _ scope: Scope, from time: Int64, skipping start: Int
    ) async throws(StoreError) -> (holds: [OpenHold], isLast: Bool) {
        let key = keySpace.holds(of: scope)
        let words = try await link.ask(
            "ZRANGEBYSCORE", key, "\(time)", "+inf", "WITHSCORES", "LIMIT", "\(start)", "\(Self.portion)"
        ).texts(of: key)
        let holds = stride(from: 0, to: words.count - 1, by: 2).compactMap { index in
            Int64(words[index + 1]).flatMap { OpenHold(words[index], endsAt: $0) }
        }
        return (holds, words.count < 2 * Self.portion)
    }

    private static func place(_ cursor: String) throws(StoreError) -> (endsAt: Int64, id: String) {
        let words = try PageCursor.decode(cursor).split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, let endsAt = Int64(words[0]) else { throw .badCursor }
        return (endsAt, String(words[1]))
    }
}

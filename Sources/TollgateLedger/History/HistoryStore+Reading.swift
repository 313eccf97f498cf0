import NIOCore
package import TollgateCore
import TollgateRedis

extension HistoryStore {
    /// The days with these ids, in their order; empty pages where nothing is kept. One read of one hash each.
    package func days(
        of scope: Scope, ids: [String], _ detail: Detail = .everything
    ) async throws(StoreError) -> [HistoryPage] {
        try await stored(ids.map { keys.day($0, of: scope) }, detail).map(\.page)
    }

    /// The months with these ids, in their order. One read of one hash each, then one for each day that has not been added to its
    /// month yet, most often one a month.
    package func months(
        of scope: Scope, ids: [String], _ detail: Detail = .everything
    ) async throws(StoreError) -> [HistoryPage] {
        let months = try await stored(ids.map { keys.month($0, of: scope) }, detail)
        // A day that is added to its month between the two reads is not yet in what was read of the month.
        let open = months.indices.flatMap { place in months[place].openDays.map { (place, keys.day($0, of: scope)) } }
        let days = try await stored(open.map(\.1), detail)
        var pages = months.map(\.page)
        for ((place, _), day) in zip(open, days) { pages[place] += day.page }
        return pages
    }

    /// What is stored under these keys, in their order.
    func stored(_ keys: [String], _ detail: Detail) async throws(StoreError) -> [StoredPage] {
        var pages: [StoredPage] = []
        for start in stride(from: 0, to: keys.count, by: detail.pagesAtOnce) {
            let part = keys[start..<min(start + detail.pagesAtOnce, keys.count)]
            let commands = part.map { StoredPage.command(for: $0, detail) }
            let replies = try await turns.next { () async throws(StoreError) in try await link.ask(commands) }
            for (key, reply) in zip(part, replies) { pages.append(try StoredPage(reply, of: key, detail)) }
        }
        return pages
    }
}

import NIOCore
package import TollgateCore
import TollgateLedger
import TollgateRedis

extension HistoryStore {
    /// The days with these ids, in their order; empty pages where nothing is kept. One read of the scope's hash, which has the running
    /// day, and one of a hash for each day.
    package func days(
        of scope: Scope, ids: [String], _ detail: Detail = .everything
    ) async throws(StoreError) -> [HistoryRecord] {
        try await withRunningDay(of: scope, detail) { running throws(StoreError) in
            var pages = try await stored(ids.map { keys.day($0, of: scope) }, detail)
            guard let running, let place = ids.firstIndex(of: running.id) else { return (pages, false) }
            pages[place] += running.page
            return (pages, true)
        }
    }

    /// The months with these ids, in their order. One read of the scope's hash, and one of a hash for each month.
    package func months(
        of scope: Scope, ids: [String], _ detail: Detail = .everything
    ) async throws(StoreError) -> [HistoryRecord] {
        try await withRunningDay(of: scope, detail) { running throws(StoreError) in
            var pages = try await stored(ids.map { keys.month($0, of: scope) }, detail)
            guard let running, let place = ids.firstIndex(of: running.month) else { return (pages, false) }
            pages[place] += running.page
            return (pages, true)
        }
    }

    /// Reads the running day, and then other pages. A day that has been moved to a page of its own in between is in both: then all is
    /// read again.
    private func withRunningDay(
        of scope: Scope, _ detail: Detail,
        _ read: (RunningDay?) async throws(StoreError) -> (pages: [HistoryRecord], hasRunning: Bool)
    ) async throws(StoreError) -> [HistoryRecord] {
        while true {
            let running = try await runningDays(of: [scope], detail)[0]
            let (pages, hasRunning) = try await read(running)
            guard hasRunning else { return pages }
            if try await haveDays([running], of: [scope]) { return pages }
        }
    }

    /// The running days of scopes, in their order; nil where there is none.
    func runningDays(of scopes: [Scope], _ detail: Detail) async throws(StoreError) -> [RunningDay?] {
        let names = scopes.map(keys.hash)
        var days: [RunningDay?] = []
        for start in stride(from: 0, to: names.count, by: detail.pagesAtOnce) {
            let part = names[start..<min(start + detail.pagesAtOnce, names.count)]
            let commands = part.map { RunningDay.command(for: $0, detail) }
            let replies = try await turns.next { () async throws(StoreError) in try await link.ask(commands) }
            for (key, reply) in zip(part, replies) { days.append(try RunningDay(reply, of: key, detail)) }
        }
        return days
    }

    /// Whether the scopes' hashes still have these days, where there is one.
    func haveDays(_ days: [RunningDay?], of scopes: [Scope]) async throws(StoreError) -> Bool {
        let expected = zip(scopes, days).compactMap { scope, day in day.map { (key: keys.hash(of: scope), day: $0) } }
        let replies = try await turns.next { () async throws(StoreError) in
            try await link.ask(expected.map { ["HGET", $0.key, RunningDay.field] })
        }
        for ((key, day), reply) in zip(expected, replies) {
            let field = try StoredField(reply, key: key, name: RunningDay.field)
            guard day.isNamed(by: field.map { String(buffer: $0.value) }) else { return false }
        }
        return true
    }

    /// What is stored under these keys, in their order.
    func stored(_ keys: [String], _ detail: Detail) async throws(StoreError) -> [HistoryRecord] {
        var pages: [HistoryRecord] = []
        for start in stride(from: 0, to: keys.count, by: detail.pagesAtOnce) {
            let part = keys[start..<min(start + detail.pagesAtOnce, keys.count)]
            let commands = part.map { StoredRecord.command(for: $0, detail) }
            let replies = try await turns.next { () async throws(StoreError) in try await link.ask(commands) }
            for (key, reply) in zip(part, replies) { pages.append(try StoredRecord(reply, of: key, detail).page) }
        }
        return pages
    }
}

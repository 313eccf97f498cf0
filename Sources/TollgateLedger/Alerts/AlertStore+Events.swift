import Foundation
package import TollgateCore
import TollgateRedis

extension AlertStore {
    /// The stream keeps so many events, and some more.
    private static let keptEvents = 10_000
    /// Seconds after the last one: 90 days.
    private static let keptFor = 90 * 86_400
    /// How many of them are read for one page, and at a time.
    private static let (mostEvents, eventPortion) = (2_000, 500)

    /// Adds an event. Doing it twice makes two of it.
    package func add(_ event: DenialEvent) async throws(StoreError) {
        guard let json = try? PolicyJSON.text(event) else { throw .unavailable("cannot be written as JSON") }
        let replies = try await link.ask([
            [
                "XADD", keys.events, "MAXLEN", "~", "\(Self.keptEvents)", "*", "scope", event.scope.description,
                "limit",
                event.limitName, "event", json,
            ], ["EXPIRE", keys.events, "\(Self.keptFor)"],
        ])
        for reply in replies { _ = try reply.checked(of: keys.events) }
    }

    /// The events of a scope, of a limit (`requests/1m`), or all, newest first. A page may be short and still have a next one.
    ///
    /// - Parameter count: 1 or more.
    /// - Throws: `.badCursor`; `.corrupt` where one of them cannot be read.
    package func events(
        scope: Scope? = nil, limit: String? = nil, before cursor: String? = nil, atMost count: Int
    ) async throws(StoreError) -> Page<DenialEntry> {
        let start = try cursor.map { cursor throws(StoreError) in try Self.eventID(cursor) }
        let scopeText = scope?.description
        let page = FilteredPage(
            portion: scope == nil && limit == nil ? min(count, Self.mostEvents) : Self.eventPortion,
            most: Self.mostEvents,
            places: { entry, count throws(StoreError) in
                try await self.eventEntries(before: entry?.id ?? start, atMost: count)
            },
            items: { entries throws(StoreError) in
                var found: [DenialEntry?] = []
                for entry in entries {
                    let isOther =
                        scopeText.map { entry.fields["scope"] != $0 } ?? false
                        || limit.map { entry.fields["limit"] != $0 } ?? false
                    found.append(isOther ? nil : try self.event(of: entry))
                }
                return found
            },
            cursor: \.id)
        return try await page.read(after: nil, atMost: count)
    }

    private static func eventID(_ cursor: String) throws(StoreError) -> String {
        let id = try PageCursor.decode(cursor)
        guard StreamEntry.isID(id) else { throw .badCursor }
        return id
    }

    private func eventEntries(before id: String?, atMost count: Int) async throws(StoreError) -> [StreamEntry] {
        let reply = try await link.ask(
            "XREVRANGE", keys.events, id.map { "(\($0)" } ?? "+", "-", "COUNT", "\(count)")
        return try StreamEntry.all(reply, of: keys.events)
    }

    private func event(of entry: StreamEntry) throws(StoreError) -> DenialEntry {
        guard let json = entry.fields["event"],
            let event = try? JSONDecoder().decode(DenialEvent.self, from: Data(json.utf8))
        else { throw .corrupt("\(keys.events), entry \(entry.id): cannot be read") }
        return DenialEntry(id: entry.id, event: event)
    }
}

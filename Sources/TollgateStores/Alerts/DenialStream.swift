import Foundation
package import TollgateCore
import TollgatePolicy
import TollgateRedis

extension AlertStore {
    /// The stream keeps so many events, and some more.
    private static let keptEvents = 10_000
    /// Seconds after the last one: 90 days.
    private static let keptFor = 90 * 86_400
    /// How many of them are read for one page, and at a time.
    private static let (maxEvents, eventPortion) = (2_000, 500)

    /// Adds an event. Doing it twice makes two of it, and so does doing it again after `.unknownOutcome`, maybe.
    package func add(_ event: DenialEvent) async throws(StoreError) {
        guard let json = try? CanonicalJSON.text(event) else { throw .unavailable("cannot be written as JSON") }
        let replies = try await link.ask(
            [
                [
                    "XADD", keys.events, "MAXLEN", "~", "\(Self.keptEvents)", "*", "scope", event.scope.description,
                    "limit", event.limitName, "event", json,
                ], ["EXPIRE", keys.events, "\(Self.keptFor)"],
            ], isChange: true)
        for reply in replies { _ = try reply.checked(of: keys.events) }
    }

    /// The events of a scope, of a limit (`requests/1m`), or all, newest first. A page may be short and still have a next one. One
    /// that cannot be read is left out.
    ///
    /// - Parameter count: 1 or more.
    /// - Throws: `.badCursor`; `.corrupt` where the stream is none.
    package func events(
        scope: Scope? = nil, limit: String? = nil, before cursor: String? = nil, atMost count: Int
    ) async throws(StoreError) -> Page<DenialEntry> {
        let start = try cursor.map { cursor throws(StoreError) in try Self.eventID(cursor) }
        let scopeText = scope?.description
        let page = FilteredPage(
            portion: scope == nil && limit == nil ? min(count, Self.maxEvents) : Self.eventPortion,
            most: Self.maxEvents,
            places: { entry, count throws(StoreError) in
                try await self.eventEntries(before: entry?.id ?? start, atMost: count)
            },
            items: { entries throws(StoreError) in
                entries.map { entry in
                    let isOther =
                        scopeText.map { entry.fields["scope"] != $0 } ?? false
                        || limit.map { entry.fields["limit"] != $0 } ?? false
                    return isOther ? nil : self.event(of: entry)
                }
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

    private func event(of entry: StreamEntry) -> DenialEntry? {
        guard let json = entry.fields["event"],
            let event = try? JSONDecoder().decode(DenialEvent.self, from: Data(json.utf8))
        else {
            unreadable.warn("\(keys.events), entry \(entry.id): cannot be read, and is left out")
            return nil
        }
        return DenialEntry(id: entry.id, event: event)
    }
}

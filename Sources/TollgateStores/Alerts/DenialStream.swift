import Foundation
package import TollgateCore
import TollgatePolicy
import TollgateRedis

/// The stream of denial events. It retains the last 10 000 events, or a few more, for 90 days after the last one.
package struct DenialStream: Sendable {
    private static let maxLength = 10_000
    /// The retention of the stream in seconds: 90 days.
    private static let retention = 90 * 86_400
    /// The maximum number of events read for one page, and the number read at a time.
    private static let (maxRead, portion) = (2_000, 500)

    let link: StoreLink
    let key: String
    /// Reports malformed events, which lists leave out.
    let malformed: OnceLog

    /// Appends an event. This is not idempotent: after `.unknownOutcome` a retry may store it twice.
    package func add(_ event: DenialEvent) async throws(StoreError) {
        guard let json = try? CanonicalJSON.text(event) else { throw .unavailable("cannot be written as JSON") }
        let replies = try await link.send(
            [
                [
                    "XADD", key, "MAXLEN", "~", "\(Self.maxLength)", "*", "scope", event.scope.description,
                    "limit", event.limitName, "mode", event.mode.rawValue, "event", json,
                ], ["EXPIRE", key, "\(Self.retention)"],
            ], isChange: true)
        for reply in replies { _ = try reply.checked(of: key) }
    }

    /// Returns a page of the events of a scope, of a limit (`requests/1m`), of a mode, of several of these, or of all,
    /// newest first.
    ///
    /// A page may be short and still have a next one. Malformed events are logged once and left out.
    ///
    /// - Parameter count: 1 or more.
    /// - Throws: `.badCursor`; `.corrupt` if the key has another type.
    package func events(
        scope: Scope? = nil, limit: String? = nil, mode: LimitMode? = nil, before cursor: String? = nil,
        atMost count: Int
    ) async throws(StoreError) -> Page<DenialEntry> {
        let start = try cursor.map { cursor throws(StoreError) in try PageCursor.decodeStreamID(cursor) }
        let scopeText = scope?.description
        let page = FilteredPage(
            portion: scope == nil && limit == nil && mode == nil ? min(count, Self.maxRead) : Self.portion,
            maxRead: Self.maxRead,
            positions: { entry, count throws(StoreError) in
                try await self.entries(before: entry?.id ?? start, atMost: count)
            },
            items: { entries throws(StoreError) in
                entries.map { entry in
                    let isOther =
                        scopeText.map { entry.fields["scope"] != $0 } ?? false
                        || limit.map { entry.fields["limit"] != $0 } ?? false
                        // Entries of earlier versions have no mode.
                        || mode.map { entry.fields["mode", default: LimitMode.enforce.rawValue] != $0.rawValue }
                            ?? false
                    return isOther ? nil : self.event(of: entry)
                }
            },
            cursor: \.id)
        return try await page.read(after: nil, atMost: count)
    }

    private func entries(before id: String?, atMost count: Int) async throws(StoreError) -> [StreamEntry] {
        let reply = try await link.send("XREVRANGE", key, id.map { "(\($0)" } ?? "+", "-", "COUNT", "\(count)")
        return try StreamEntry.all(reply, of: key)
    }

    private func event(of entry: StreamEntry) -> DenialEntry? {
        guard let json = entry.fields["event"],
            let event = try? JSONDecoder().decode(DenialEvent.self, from: Data(json.utf8))
        else {
            malformed.warn("\(key), entry \(entry.id): malformed entry, skipped")
            return nil
        }
        return DenialEntry(id: entry.id, event: event)
    }
}

/// A denial event with its stream id, which its JSON contains as `id`.
package struct DenialEntry: Sendable, Equatable, Encodable {
    /// The id of the entry, such as `1795219201123-0`.
    package var id: String
    package var event: DenialEvent

    package init(id: String, event: DenialEvent) {
        self.id = id
        self.event = event
    }

    private enum CodingKeys: String, CodingKey {
        case id
    }

    package func encode(to encoder: any Encoder) throws {
        try event.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
    }
}

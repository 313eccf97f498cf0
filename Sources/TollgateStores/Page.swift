import TollgateCore

/// One page of a list.
package struct Page<Item: Sendable>: Sendable {
    package var items: [Item]
    /// The cursor of the next page, opaque to clients; nil on the last page.
    package var next: String?

    package init(items: [Item], next: String?) {
        self.items = items
        self.next = next
    }

    /// The page of a list of which one item more than `count` was requested from Redis.
    init(_ items: [Item], atMost count: Int, cursor: (Item) -> String) {
        self.items = Array(items.prefix(count))
        next = items.count > count ? self.items.last.map { PageCursor.encode(cursor($0)) } : nil
    }
}

/// The encoding of cursors: base64url, so that clients treat them as opaque.
enum PageCursor {
    static func encode(_ position: String) -> String {
        Base64URL.text(position.utf8)
    }

    /// Decodes a cursor. Throws `.badCursor`.
    static func decode(_ cursor: String) throws(StoreError) -> String {
        guard let bytes = Base64URL.bytes(of: cursor), let position = String(validating: bytes, as: UTF8.self),
            !position.isEmpty
        else { throw .badCursor }
        return position
    }

    /// Decodes the cursor of a list in a stream. Throws `.badCursor` if it does not contain the id of an entry.
    static func decodeStreamID(_ cursor: String) throws(StoreError) -> String {
        let id = try decode(cursor)
        guard StreamID.isValid(id) else { throw .badCursor }
        return id
    }
}

/// A page of those items of a long list that match a filter.
///
/// The list is read in portions, up to a bound per page. If few items match, the page is short or even empty, but still
/// has a next one.
struct FilteredPage<Position: Sendable, Item: Sendable> {
    /// The number of positions read at a time.
    var portion: Int
    /// The maximum number of positions read for one page.
    var maxRead: Int
    /// Returns up to this number of positions after a position, in order; nil starts at the first.
    var positions: (Position?, Int) async throws(StoreError) -> [Position]
    /// Returns the item at each position; nil for one that has expired or does not match.
    var items: ([Position]) async throws(StoreError) -> [Item?]
    /// Returns the text of a position, for the cursor.
    var cursor: (Position) -> String

    /// Reads the page after a position. `count` is 1 or more.
    func read(after start: Position?, atMost count: Int) async throws(StoreError) -> Page<Item> {
        var (found, last, read): ([Item], Position?, Int) = ([], start, 0)
        while true {
            let wanted = min(portion, maxRead - read)
            // One more, which tells whether there is a next page.
            let positions = try await positions(last, wanted + 1)
            let shown = Array(positions.prefix(wanted))
            for (index, item) in try await items(shown).enumerated() {
                last = shown[index]
                guard let item else { continue }
                found.append(item)
                if found.count == count { return page(found, last, hasMore: index + 1 < positions.count) }
            }
            read += shown.count
            let hasMore = positions.count > wanted
            if !hasMore || read >= maxRead { return page(found, last, hasMore: hasMore) }
        }
    }

    private func page(_ items: [Item], _ last: Position?, hasMore: Bool) -> Page<Item> {
        Page(items: items, next: hasMore ? last.map { PageCursor.encode(cursor($0)) } : nil)
    }
}

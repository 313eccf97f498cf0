/// A page of those items of a long list that a filter lets through. The list is read in portions, and only so far in one go: where the
/// filter lets little through, the page is short, or even empty, and still has a next one.
struct FilteredPage<Place: Sendable, Item: Sendable> {
    /// How many places are read at a time.
    var portion: Int
    /// How many in all for one page.
    var most: Int
    /// So many places that come after one, in order; nil begins at the first.
    var places: (Place?, Int) async throws(StoreError) -> [Place]
    /// What is at each of them; nil where there is nothing any more, or nothing that the filter lets through.
    var items: ([Place]) async throws(StoreError) -> [Item?]
    /// The text of a place.
    var cursor: (Place) -> String

    /// The page that comes after a place. `count` is 1 or more.
    func read(after start: Place?, atMost count: Int) async throws(StoreError) -> Page<Item> {
        var (found, last, read): ([Item], Place?, Int) = ([], start, 0)
        while true {
            let wanted = min(portion, most - read)
            // One more, which tells whether that is all.
            let places = try await places(last, wanted + 1)
            let shown = Array(places.prefix(wanted))
            for (index, item) in try await items(shown).enumerated() {
                last = shown[index]
                guard let item else { continue }
                found.append(item)
                if found.count == count { return page(found, last, hasMore: index + 1 < places.count) }
            }
            read += shown.count
            let hasMore = places.count > wanted
            if !hasMore || read >= most { return page(found, last, hasMore: hasMore) }
        }
    }

    private func page(_ items: [Item], _ last: Place?, hasMore: Bool) -> Page<Item> {
        Page(items: items, next: hasMore ? last.map { PageCursor.encode(cursor($0)) } : nil)
    }
}

import TollgateCore

/// Where a list goes on, as those who page through it carry it: base64url, so that nobody takes it for more than it is.
enum PageCursor {
    static func encode(_ place: String) -> String {
        Base64URL.text(place.utf8)
    }

    /// Throws `.badCursor`.
    static func decode(_ cursor: String) throws(StoreError) -> String {
        guard let bytes = Base64URL.bytes(of: cursor), let place = String(validating: bytes, as: UTF8.self),
            !place.isEmpty
        else { throw .badCursor }
        return place
    }

    /// The page of a list that was read one item further than the page goes, and its cursor where there is more.
    static func cut<Item>(_ items: [Item], atMost count: Int, place: (Item) -> String) -> (
        items: ArraySlice<Item>, next: String?
    ) {
        let shown = items.prefix(count)
        return (shown, items.count > count ? shown.last.map { PageCursor.encode(place($0)) } : nil)
    }
}

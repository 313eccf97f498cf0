import Foundation

/// Where a list goes on, as those who page through it carry it: base64url, so that nobody takes it for more than it is.
enum PageCursor {
    static func encode(_ place: String) -> String {
        Data(place.utf8).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// Throws `.badCursor`.
    static func decode(_ cursor: String) throws(StoreError) -> String {
        let text = cursor.replacing("-", with: "+").replacing("_", with: "/")
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: text + padding), let place = String(data: data, encoding: .utf8),
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

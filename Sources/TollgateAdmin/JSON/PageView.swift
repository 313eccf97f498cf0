import Foundation

/// A page of a list: `{"items":[…],"next":"…"}`. `next` is null on the last page.
struct PageView<Item: Encodable>: Encodable {
    var items: [Item]
    var next: String?

    enum CodingKeys: String, CodingKey {
        case items, next
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(items, forKey: .items)
        try container.encode(next, forKey: .next)
    }
}

/// A complete list: `{"items":[…]}`.
struct ListView<Item: Encodable>: Encodable {
    var items: [Item]
}

/// Times in the API's format.
enum Instant {
    /// Formats ISO 8601 in UTC with whole seconds: `2026-11-22T10:00:00Z`.
    static func text(milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: (Double(milliseconds) / 1_000).rounded(.down)).ISO8601Format()
    }
}

import Foundation
import TollgateAdmin

extension AdminClient {
    /// The most items that the API gives at a time.
    private static let page = 1_000

    /// So many items of a list, or all where it has fewer, from as many pages as it takes.
    ///
    /// - Parameter request: for a page of so many items, after a cursor or from the first.
    /// - Returns: the last answer; where it took several, with the items of all of them.
    func pages(
        atMost limit: Int, _ request: (_ count: Int, _ cursor: String?) -> AdminRequest
    ) async throws -> AdminReply {
        var reply = try await send(request(min(limit, Self.page), nil))
        var answer = try reply.value()
        var items = answer["items"].array
        var isOnePage = true
        while items.count < limit, let next = answer["next"].string {
            isOnePage = false
            answer = try await send(request(min(limit - items.count, Self.page), next)).value()
            items += answer["items"].array
        }
        if !isOnePage {
            let whole = JSONValue.object(["items": .array(items), "next": answer["next"]])
            reply.body = Data(whole.json.utf8)
        }
        return reply
    }
}

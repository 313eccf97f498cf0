import Foundation
import TollgateAdmin

extension AdminClient {
    /// The maximum page size of the API.
    private static let page = 1_000

    /// Requests a list page by page, up to a number of items.
    ///
    /// - Parameter request: Creates the request for a page of a size, after a cursor.
    /// - Returns: The last response. If there were several pages, it contains the items of all of them.
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

import Hummingbird
import TollgateCore
import TollgateLedger
import TollgateServer

/// `/v1/events`: which limits have refused requests.
struct EventRoutes {
    let api: AdminAPI

    var routes: [Route] { [Route(.get, "/v1/events", .read, list)] }

    /// Here `limit` is the limit that refused, so the size of a page is `count`.
    private func list(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("scope", "limit", "count", "cursor")
        var scope = try query.scope()
        var limit: String?
        if let text = query["limit"] {
            let named = try Self.limit(text)
            guard scope == nil || named.scope == nil || scope == named.scope else {
                throw Problem.badRequest("limit: is about another scope than scope names")
            }
            scope = named.scope ?? scope
            limit = named.name
        }
        let page = try await api.stores().alerts.events(
            scope: scope, limit: limit, before: query.cursor, atMost: try query.limit("count"))
        return .json(PageView(items: page.items, next: page.next))
    }

    /// Of `requests/1m`, or `user:alice/requests/1m`: the id of a scope may have slashes too.
    private static func limit(_ text: String) throws(Problem) -> (scope: Scope?, name: String) {
        let words = text.split(separator: "/", omittingEmptySubsequences: false)
        let isConcurrent = words.last.map { $0 == Meter.concurrent.name } ?? false
        let length = isConcurrent ? 1 : 2
        guard words.count >= length, let name = isConcurrent ? Meter.concurrent.name : name(words.suffix(2)) else {
            throw .badRequest("limit: expected one such as requests/1m, user:alice/requests/1m or concurrent")
        }
        guard words.count > length else { return (nil, name) }
        return (try Query.scope(words.dropLast(length).joined(separator: "/"), "limit"), name)
    }

    /// As events have it: `requests/60s` is `requests/1m`.
    private static func name(_ words: ArraySlice<Substring>) -> String? {
        guard let meter = words.first.flatMap({ Meter(name: $0) }), meter != .concurrent,
            let period = words.last.flatMap({ try? Period(parsing: $0) })
        else { return nil }
        return Limit(meter, period, max: nil).name
    }
}

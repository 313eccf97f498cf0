import Hummingbird
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The route `/v1/events`: denials, and those that limits in shadow mode would have made.
struct EventRoutes {
    let api: AdminAPI

    var routes: [Route] { [Route(.get, "/v1/events", .read, list)] }

    /// Lists denials. `limit` is a filter by limit here, so the page size is `count`.
    private func list(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("scope", "limit", "mode", "count", "cursor")
        var scope = try query.scope().map(api.folded)
        var limit: String?
        if let text = query["limit"] {
            let named = try Query.read("limit") { () throws(ScopeError) in try Limit.parse(scopedName: text) }
            guard scope == nil || named.scope == nil || scope == named.scope else {
                throw Problem.badRequest("limit: names another scope than scope does")
            }
            scope = named.scope ?? scope
            limit = named.name
        }
        let page = try await api.stores.alerts.denials.events(
            scope: scope, limit: limit, mode: try Self.mode(query["mode"]), before: query.cursor,
            atMost: try query.limit("count"))
        return .json(PageView(items: page.items, next: page.next))
    }

    private static func mode(_ text: String?) throws(Problem) -> LimitMode? {
        guard let text else { return nil }
        guard let mode = LimitMode(rawValue: text) else {
            throw .badRequest("mode: expected \(LimitMode.allCases.map(\.rawValue).joined(separator: " or "))")
        }
        return mode
    }
}

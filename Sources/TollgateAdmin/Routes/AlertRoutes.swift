import Hummingbird
import TollgateCore
import TollgateLedger
import TollgateServer
import TollgateStores

/// The routes under `/v1/alerts`: alerts, acknowledging and resolving them.
struct AlertRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [
            Route(.get, "/v1/alerts", .read, list),
            Route(.get, "/v1/alerts/{id}", .read, get),
            Route(.post, "/v1/alerts/{id}/acknowledge", .administer, acknowledge),
            Route(.post, "/v1/alerts/{id}/resolve", .administer, resolve),
        ]
    }

    private func list(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("state", "scope", "severity", "limit", "cursor")
        let filter = AlertFilter(
            states: try query.words("state", Alert.State.self), scope: try query.scope().map(api.folded),
            severity: try query.word("severity", Alert.Severity.self))
        let page = try await api.stores.alerts.alerts(filter, before: query.cursor, atMost: try query.limit())
        return .json(PageView(items: page.items, next: page.next))
    }

    private func get(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let id = try id(request)
        guard let alert = try await api.stores.alerts.alert(id) else { throw Self.notFound(id) }
        return .json(alert)
    }

    private func acknowledge(_ request: AdminRequest) async throws -> Response {
        try await change(request, "alert.acknowledge") { alerts, id, at in
            try await alerts.acknowledge(id, by: request.author, at: at)
        }
    }

    private func resolve(_ request: AdminRequest) async throws -> Response {
        try await change(request, "alert.resolve") { alerts, id, at in
            try await alerts.resolve(id, by: request.author, at: at)
        }
    }

    private func change(
        _ request: AdminRequest, _ action: String, _ body: (AlertStore, String, Int64) async throws -> Alert
    ) async throws -> Response {
        _ = try request.query()
        let id = try id(request)
        try ObjectReader(try await request.json(), allowed: []).finish()
        let stores = api.stores
        let alert: Alert
        do {
            alert = try await body(stores.alerts, id, await api.server.redisTime)
        } catch StoreError.missing {
            throw Self.notFound(id)
        }
        // The change has been made and logged, so a failure to write the audit log is ignored.
        try? await stores.policy.auditLog.append(
            action, id, before: Self.state(before: alert), after: Self.state(alert.state), by: request.author)
        return .json(alert)
    }

    /// The state before a change. A resolved alert keeps its acknowledgement.
    private static func state(before alert: Alert) -> String {
        state(alert.state == .resolved && alert.acknowledged != nil ? .acknowledged : .open)
    }

    private static func state(_ state: Alert.State) -> String { #"{"state":"\#(state.rawValue)"}"# }

    private func id(_ request: AdminRequest) throws(Problem) -> String {
        let id = try request.parameter("id")
        guard Alert.isID(id) else { throw Self.notFound(String(id.prefix(64))) }
        return id
    }

    private static func notFound(_ id: String) -> Problem { .notFound("\(id): no such alert") }
}

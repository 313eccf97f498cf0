import HTTPTypes
import Hummingbird
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The routes `/v1/overrides` and `/v1/scopes/{scope}/override`: temporary changes of the limits of scopes.
struct OverrideRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [
            Route(.get, "/v1/overrides", .read, list),
            Route(.put, "/v1/scopes/{scope}/override", .administer, put),
            Route(.delete, "/v1/scopes/{scope}/override", .administer, delete),
        ]
    }

    /// The maximum time until an override ends: 366 days.
    private static let maxDuration: Int64 = 366 * 86_400_000

    /// Lists the overrides that have not ended, those that end first before the others, or that of one scope.
    private func list(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("scope", "cursor", "limit")
        let now = await api.server.redisTime
        if let scope = try query.scope().map({ try api.known($0) }) {
            let stored = try await api.store.settings(of: scope).override.flatMap { $0.item.expiresAt > now ? $0 : nil }
            let views = stored.map { [OverrideView(scope: scope, override: $0.item, version: $0.version)] } ?? []
            return .json(PageView(items: views, next: nil))
        }
        let page = try await api.store.scopeIndex.overrides(
            after: query.cursor, atMost: try query.limit(), now: now)
        let views = page.items.map { OverrideView(scope: $0.scope, override: $0.item, version: $0.version) }
        return .json(PageView(items: views, next: page.next))
    }

    private func put(_ request: AdminRequest) async throws -> Response {
        let scope = try api.known(try request.scope())
        try api.requireCompositeCapacity(for: scope)
        let override = try PolicyJSON.override(try await request.policyPart(), of: scope, api.moneyUnit)
        let now = await api.server.redisTime
        guard override.expiresAt > now, override.expiresAt <= now + Self.maxDuration else {
            throw Problem.invalid(
                "expires_at", "expected a time within 366 days from now, which is \(Instant.text(milliseconds: now))")
        }
        let (version, isNew) = try await api.apply(.setOverride(scope, override), of: scope, request) {
            // An expired override counts as missing.
            let stored = try await api.store.settings(of: scope).override
            return stored.flatMap { $0.item.expiresAt > now ? $0.version : nil }
        }
        var view = OverrideView(scope: scope, override: override, version: version)
        // The change has been made, so a failure to read the other settings is ignored.
        if var others = try? await api.store.settings(of: scope).settings {
            others.override = nil
            view.warnings = api.server.policies.effective.warnings(about: override.limits, of: scope, over: others)
        }
        return .tagged(view, version: version, isNew ? .created : .ok)
    }

    private func delete(_ request: AdminRequest) async throws -> Response {
        let scope = try api.known(try request.scope())
        try await api.delete(.clearOverride(scope), of: scope, request)
        return .noContent
    }
}

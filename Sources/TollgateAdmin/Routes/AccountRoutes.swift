import Hummingbird
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The routes `/v1/accounts`: the accounts at providers of the policy file, with both sides of their usage.
struct AccountRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [
            Route(.get, "/v1/accounts", .read, list), Route(.get, "/v1/accounts/{id}", .read, get),
            Route(.post, "/v1/accounts/{id}/sync", .administer, sync),
        ]
    }

    private func list(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let policy = api.server.policies.effective
        return .json(["items": try await views(policy.accounts.keys.sorted(), policy, isWhole: false)])
    }

    private func get(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let policy = api.server.policies.effective
        return .json(try await view(try id(of: request, policy), policy, isWhole: true))
    }

    /// Requests that the sidecar that reads accounts reads this one soon.
    private func sync(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let policy = api.server.policies.effective
        let id = try id(of: request, policy)
        try ObjectReader(try await request.json(), allowed: []).finish()
        guard policy.accounts[id]?.credential != nil else {
            throw Problem(.conflict, "\(id): has no credential_file or credential_env, so its usage is not read")
        }
        try await api.stores.accounts.requestReading(of: id)
        return .json(try await view(id, policy, isWhole: false), .accepted)
    }

    private func id(of request: AdminRequest, _ policy: Policy) throws -> String {
        let id = try request.parameter("id")
        guard policy.accounts[id] != nil else { throw Self.notFound(id) }
        return id
    }

    private static func notFound(_ id: String) -> Problem {
        .notFound("there is no account \(PlainText.shortened(id, to: 64)) in the policy file")
    }

    private func view(_ id: String, _ policy: Policy, isWhole: Bool) async throws -> AccountView {
        guard let view = try await views([id], policy, isWhole: isWhole).first else { throw Self.notFound(id) }
        return view
    }

    /// - Parameter policy: The policy that has the accounts, also if another one is installed meanwhile.
    private func views(_ ids: [String], _ policy: Policy, isWhole: Bool) async throws -> [AccountView] {
        let stored = try await api.stores.accounts.accounts(ids)
        let now = await api.server.redisTime
        var views: [AccountView] = []
        for (id, stored) in zip(ids, stored) {
            guard let account = policy.accounts[id] else { continue }
            let scope = try Scope(parts: [Scope.Part(kind: "account", id: id)])
            let period = account.calendar.window(.month, containing: now)
            var own: HistoryAmounts?
            if policy.hasHistory(scope) {
                own = try await api.stores.history.months(of: scope, ids: [period.id], .totals)[0].total
            }
            views.append(
                AccountView(
                    id: id, account: account, stored: try stored.get(), period: period, own: own,
                    moneyUnit: api.moneyUnit, limits: policy.limits(for: scope).map(\.limit), now: now,
                    isWhole: isWhole))
        }
        return views
    }
}

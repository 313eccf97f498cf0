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

    private func views(_ ids: [String], _ policy: Policy, isWhole: Bool) async throws -> [AccountView] {
        try await AccountView.read(ids, of: policy, from: api.server).map { reading in
            var view = try reading.view.get()
            view.isWhole = isWhole
            return view
        }
    }
}

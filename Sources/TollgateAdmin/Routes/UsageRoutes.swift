import Hummingbird
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer

/// The route `/v1/usage`: the reply to USAGE, for callers that only have HTTP.
struct UsageRoutes {
    let api: AdminAPI

    var routes: [Route] { [Route(.get, "/v1/usage", .usage, get)] }

    private func get(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("scope", "roles", "email")
        guard let named = try query.scope() else {
            throw Problem.badRequest("scope: is required, such as user:alice")
        }
        let scope = try api.known(named)
        let usage = try await api.server.usage(of: scope, traits: try query.traits()).usage
        return .json(UsageReport(usage))
    }
}

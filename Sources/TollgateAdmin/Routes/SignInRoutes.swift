import Foundation
import Hummingbird
import TollgateCore
import TollgatePolicy

/// The route `/v1/sign-in-links`: links by which the bearer of a token signs in to the dashboard.
struct SignInRoutes {
    let api: AdminAPI

    var routes: [Route] { [Route(.post, "/v1/sign-in-links", .read, isChange: false, post)] }

    private struct LinkView: Encodable {
        /// The path and query, relative to the address of the API. Valid once, until `expiresAt`.
        var path: String
        var expiresAt: String

        enum CodingKeys: String, CodingKey {
            case path
            case expiresAt = "expires_at"
        }
    }

    private func post(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        try ObjectReader(try await request.json(), allowed: []).finish()
        guard let identity = request.identity else { throw Problem(.unauthenticated, "a link needs a token") }
        let code = api.codes.make(for: identity)
        let lifetime = api.codes.lifetime.components.seconds * 1_000
        let expiresAt = Int64(Date.now.timeIntervalSince1970 * 1_000) + lifetime
        return .json(
            LinkView(path: "/sign-in?code=\(code)", expiresAt: Instant.text(milliseconds: expiresAt)), .created)
    }
}

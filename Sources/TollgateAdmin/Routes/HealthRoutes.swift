import HTTPTypes
import Hummingbird
import TollgateServer

/// What needs no token: whether the sidecar lives, whether it can do its work, and what this API is.
struct HealthRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [
            Route(.get, "/healthz", .open) { _ in .json(["status": "ok"]) },
            Route(.get, "/readyz", .open, ready),
            Route(.get, "/openapi.json", .open) { _ in .json(OpenAPIDocument.json) },
        ]
    }

    /// `{"status":"not_ready","reasons":["Redis refuses writes: OOM …"]}`
    private struct Readiness: Encodable {
        var status: String
        /// Nil when it is ready.
        var reasons: [String]?
    }

    private func ready(_ request: AdminRequest) async throws -> Response {
        let reasons = await api.server.notReady
        guard !reasons.isEmpty else { return .json(Readiness(status: "ready")) }
        return .json(Readiness(status: "not_ready", reasons: reasons), .serviceUnavailable)
    }
}

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

    private func ready(_ request: AdminRequest) async throws -> Response {
        let isReady = await api.server.isReady
        return .json(["status": isReady ? "ready" : "not_ready"], isReady ? .ok : .serviceUnavailable)
    }
}

import HTTPTypes
import Hummingbird
import TollgateCore
import TollgatePolicy
import TollgateServer

/// The routes without a token: liveness, readiness, and the OpenAPI description.
struct HealthRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [
            Route(.get, "/healthz", .open) { _ in .json(["status": "ok"]) },
            Route(.get, "/readyz", .open, ready),
            Route(.get, "/openapi.json", .open) { _ in .json(OpenAPIDocument.json) },
        ]
    }

    /// The body of an unready response: `{"status":"not_ready","reasons":["Redis refuses writes: OOM …"]}`
    private struct Readiness: Encodable {
        var status: String
        /// The reasons. Nil if the sidecar is ready.
        var reasons: [String]?
    }

    private func ready(_ request: AdminRequest) async throws -> Response {
        let reasons = await api.server.notReady
        guard !reasons.isEmpty else { return .json(Readiness(status: "ready")) }
        return .json(Readiness(status: "not_ready", reasons: reasons), .serviceUnavailable)
    }
}

/// The OpenAPI 3.1 description of the API: `openapi.yaml` as JSON.
enum OpenAPIDocument {
    /// The OpenAPI document as JSON, parsed once on first use.
    static let json: JSONValue = {
        let yaml = String(decoding: PackageResources.openapi_yaml, as: UTF8.self)
        guard let root = try? YAMLDocument(yaml: yaml, file: "openapi.yaml").root() else { return .null }
        return JSONValue(root)
    }()
}

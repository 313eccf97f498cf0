import TollgateCore
import TollgatePolicy
import Yams

/// The OpenAPI 3.1 description of the API: `openapi.yaml` as JSON.
enum OpenAPIDocument {
    /// Parsed once, on first use.
    static let json: JSONValue = {
        let yaml = String(decoding: PackageResources.openapi_yaml, as: UTF8.self)
        guard let root = try? PolicyText(yaml: yaml, file: "openapi.yaml").root() else { return .null }
        return JSONValue(root)
    }()
}

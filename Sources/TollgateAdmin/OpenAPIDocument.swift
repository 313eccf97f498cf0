import TollgateCore
import TollgatePolicy
import Yams

/// The description of this API (OpenAPI 3.1): `openapi.yaml`, as JSON.
enum OpenAPIDocument {
    /// Read once.
    static let json: JSONValue = {
        let yaml = String(decoding: PackageResources.openapi_yaml, as: UTF8.self)
        guard let root = try? PolicyText(yaml: yaml, file: "openapi.yaml").root() else { return .null }
        return JSONValue(root)
    }()
}

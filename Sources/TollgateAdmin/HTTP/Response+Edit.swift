import HTTPTypes
import Hummingbird

extension Response {
    /// A JSON response with an ETag. The version is 0 if no administrator has set anything.
    static func tagged(
        _ value: some Encodable, version: Int64?, _ status: HTTPResponse.Status = .ok
    ) -> Response {
        json(value, status, headers: [.eTag: ETag.text(version ?? 0)])
    }
}

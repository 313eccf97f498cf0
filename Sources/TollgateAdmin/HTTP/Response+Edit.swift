import HTTPTypes
import Hummingbird

extension Response {
    /// Something that has a version; where an administrator has set nothing, that is 0.
    static func tagged(
        _ value: some Encodable, version: Int64?, _ status: HTTPResponse.Status = .ok
    ) -> Response {
        json(value, status, headers: [.eTag: ETag.text(version ?? 0)])
    }
}

import HTTPTypes
import Hummingbird
import NIOCore
import TollgateCore
import TollgatePolicy

extension Response {
    static let problemType = "application/problem+json"

    /// A JSON body: one line, keys in alphabetical order.
    static func json(
        _ value: some Encodable, _ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        // Nothing that this module encodes can fail: no value of it is a floating point number without a text.
        let text = (try? PolicyJSON.text(value)) ?? "{}"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text + "\n")))
    }

    /// A table with a header, lines ended as RFC 4180 has it.
    static func csv(_ text: String) -> Response {
        let headers: HTTPFields = [.contentType: "text/csv; charset=utf-8; header=present"]
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    /// 204: done, and nothing to say.
    static var done: Response { Response(status: .noContent) }
}

extension HTTPField.Name {
    /// draft-ietf-httpapi-ratelimit-headers
    static let rateLimit = HTTPField.Name("RateLimit")!
    /// draft-ietf-httpapi-ratelimit-headers
    static let rateLimitPolicy = HTTPField.Name("RateLimit-Policy")!
}

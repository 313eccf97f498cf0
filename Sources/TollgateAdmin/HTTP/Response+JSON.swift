import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import TollgateCore
import TollgatePolicy

extension Response {
    static let problemType = "application/problem+json"

    /// A response with one line of JSON, with sorted keys.
    static func json(
        _ value: some Encodable, _ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        // Encoding cannot fail: no value contains a floating-point number without a text form.
        let text = (try? CanonicalJSON.text(value)) ?? "{}"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text + "\n")))
    }

    /// A response with a CSV table (RFC 4180).
    static func csv(_ text: String) -> Response {
        let headers: HTTPFields = [.contentType: "text/csv; charset=utf-8; header=present"]
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    /// An empty 204 response.
    static var noContent: Response { Response(status: .noContent) }
}

extension HTTPField.Name {
    /// The `RateLimit` field of draft-ietf-httpapi-ratelimit-headers.
    static let rateLimit = HTTPField.Name("RateLimit")!
    /// The `RateLimit-Policy` field of draft-ietf-httpapi-ratelimit-headers.
    static let rateLimitPolicy = HTTPField.Name("RateLimit-Policy")!
    /// The field by which the SDKs of model providers decide whether to retry: `true` or `false`.
    static let shouldRetry = HTTPField.Name("x-should-retry")!
}

extension Response {
    /// A JSON response with an ETag. The version is 0 if no administrator has set anything.
    static func tagged(
        _ value: some Encodable, version: Int64?, _ status: HTTPResponse.Status = .ok
    ) -> Response {
        json(value, status, headers: [.eTag: ETag.text(version ?? 0)])
    }
}

/// Dates in HTTP format (RFC 9110, 5.6.7): `Sat, 21 Nov 2026 10:00:00 GMT`.
enum HTTPDate {
    private static let format = Date.VerbatimFormatStyle(
        format: """
            \(weekday: .abbreviated), \(day: .twoDigits) \(month: .abbreviated) \(year: .defaultDigits) \
            \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits):\(second: .twoDigits) GMT
            """,
        locale: Locale(identifier: "en_US_POSIX"), timeZone: .gmt, calendar: Calendar(identifier: .gregorian))

    static func text(_ date: Date) -> String { format.format(date) }
}

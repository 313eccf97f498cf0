import HTTPTypes
import Hummingbird
import TollgateCore
import TollgateLedger

/// An error response in `application/problem+json` (RFC 9457). A denial is also a problem, whose code is the reason of
/// the decision. No code of this type is also a reason.
struct Problem: Error {
    enum Code: String {
        case badRequest = "bad_request"
        case unauthenticated
        case forbidden
        case notFound = "not_found"
        case methodNotAllowed = "method_not_allowed"
        case conflict
        case preconditionFailed = "precondition_failed"
        case bodyTooLarge = "body_too_large"
        case unsupportedMediaType = "unsupported_media_type"
        case invalid
        case preconditionRequired = "precondition_required"
        /// Too many requests with wrong tokens.
        case tooManyFailures = "too_many_failures"
        case busy
        case unavailable
        /// A change whose outcome is unknown.
        case unknownOutcome = "unknown_outcome"
        case timeout
        case `internal`
    }

    /// An invalid field of a body.
    struct FieldError: Encodable {
        /// The path of the field, such as `limits.cost.month`. Empty for the body as a whole.
        var field: String
        var message: String
    }

    var code: Code
    /// The explanation for people.
    var detail: String
    var errors: [FieldError] = []
    /// The ETag of the current version.
    var current: String?
    var headers: HTTPFields = [:]

    init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    static func badRequest(_ detail: String) -> Problem { Problem(.badRequest, detail) }

    static var notJSON: Problem {
        badRequest("the body is not valid JSON, is nested too deep, or names a key twice")
    }

    static func notFound(_ detail: String) -> Problem { Problem(.notFound, detail) }

    static func invalid(_ errors: [FieldError]) -> Problem {
        var problem = Problem(
            .invalid, errors.first.map { $0.field.isEmpty ? $0.message : "\($0.field): \($0.message)" } ?? "")
        problem.errors = errors
        return problem
    }

    static func invalid(_ field: String, _ message: String) -> Problem {
        invalid([FieldError(field: field, message: message)])
    }
}

extension Problem.Code {
    var status: HTTPResponse.Status {
        switch self {
        case .badRequest: .badRequest
        case .unauthenticated: .unauthorized
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .conflict: .conflict
        case .preconditionFailed: .preconditionFailed
        case .bodyTooLarge: .contentTooLarge
        case .unsupportedMediaType: .unsupportedMediaType
        case .invalid: .unprocessableContent
        case .preconditionRequired: .preconditionRequired
        case .tooManyFailures: .tooManyRequests
        case .busy, .unavailable, .unknownOutcome: .serviceUnavailable
        case .timeout: .gatewayTimeout
        case .internal: .internalServerError
        }
    }

    var title: String {
        switch self {
        case .badRequest: "The request cannot be read"
        case .unauthenticated: "A token is needed"
        case .forbidden: "The role of this token does not allow that"
        case .notFound: "There is nothing of that name"
        case .methodNotAllowed: "The method is not allowed here"
        case .conflict: "What is there now stands against it"
        case .preconditionFailed: "Something else is there than If-Match or If-None-Match say"
        case .bodyTooLarge: "The body is too large"
        case .unsupportedMediaType: "The body is not JSON"
        case .invalid: "Some fields are wrong"
        case .preconditionRequired: "If-Match is needed to replace or delete what is there"
        case .tooManyFailures: "Too many wrong tokens"
        case .busy: "Too much is waiting"
        case .unavailable: "Not possible at the moment"
        case .unknownOutcome: "The change may have been made, or not"
        case .timeout: "No answer in time"
        case .internal: "A fault of the sidecar, or of its data"
        }
    }
}

extension Problem: Encodable {
    enum CodingKeys: String, CodingKey {
        case type, title, status, detail, errors, current
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode("urn:tollgate:problem:\(code.rawValue)", forKey: .type)
        try container.encode(code.title, forKey: .title)
        try container.encode(code.status.code, forKey: .status)
        try container.encode(detail, forKey: .detail)
        if !errors.isEmpty { try container.encode(errors, forKey: .errors) }
        try container.encodeIfPresent(current, forKey: .current)
    }

    /// The HTTP response.
    var response: Response {
        var response = Response.json(self, code.status, headers: headers)
        response.headers[.contentType] = Response.problemType
        return response
    }
}

package import HTTPTypes
import Hummingbird
import TollgateCore
import TollgateLedger
import TollgateWire

/// An error response in `application/problem+json` (RFC 9457). A denial is also a problem (`DenialProblem`); its code
/// is the denial reason. Codes and denial reasons never overlap.
package struct Problem: Error {
    package enum Code: String, Sendable {
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
    package struct FieldError: Encodable, Sendable {
        /// The path of the field, such as `limits.cost.month`. Empty for the body as a whole.
        package var field: String
        package var message: String
    }

    package var code: Code
    /// The human-readable explanation.
    package var detail: String
    package var errors: [FieldError] = []
    /// The ETag of the current version.
    package var current: String?
    package var headers: HTTPFields = [:]

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package static func badRequest(_ detail: String) -> Problem { Problem(.badRequest, detail) }

    static func notJSON(_ fault: JSONParser.Fault) -> Problem { badRequest("the body \(fault.description)") }

    package static func notFound(_ detail: String) -> Problem { Problem(.notFound, detail) }

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
    package var status: HTTPResponse.Status {
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

    /// The URI of the problem type.
    var type: String {
        switch self {
        case .unavailable, .busy: ProblemType.temporaryReducedCapacity
        default: ProblemType.own(rawValue)
        }
    }

    package var title: String {
        switch self {
        case .badRequest: "The request is malformed"
        case .unauthenticated: "A token is required"
        case .forbidden: "The token's role does not allow this"
        case .notFound: "The resource does not exist"
        case .methodNotAllowed: "The method is not allowed"
        case .conflict: "The request conflicts with the current state"
        case .preconditionFailed: "The precondition in If-Match or If-None-Match failed"
        case .bodyTooLarge: "The body is too large"
        case .unsupportedMediaType: "The body is not JSON"
        case .invalid: "Some fields are invalid"
        case .preconditionRequired: "If-Match is required to replace or delete a resource"
        case .tooManyFailures: "Too many requests with wrong tokens"
        case .busy: "The sidecar is busy"
        case .unavailable: "Temporarily unavailable"
        case .unknownOutcome: "The outcome of the change is unknown"
        case .timeout: "Redis did not reply in time"
        case .internal: "Internal error"
        }
    }
}

extension Problem: Encodable {
    enum CodingKeys: String, CodingKey {
        case type, title, status, detail, code, errors, current
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(code.type, forKey: .type)
        try container.encode(code.rawValue, forKey: .code)
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

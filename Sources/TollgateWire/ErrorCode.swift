/// The word after `ERR` in a reply.
package enum ErrorCode: String, Sendable, CaseIterable {
    case badRequest = "bad_request"
    case unknownVerb = "unknown_verb"
    case lineTooLong = "line_too_long"
    case unauthenticated
    case notFound = "not_found"
    case conflict
    case busy
    case timeout
    case unavailable
    case `internal`
}

/// The error of a request that is rejected before a decision: a code, and a sentence that begins with the field.
package struct RequestError: Error, Equatable, Sendable {
    package let code: ErrorCode
    /// The sentence. It quotes the request only by `WireText.quoted`.
    package let sentence: String

    package init(_ code: ErrorCode, _ sentence: String) {
        self.code = code
        self.sentence = sentence
    }

    /// An error `ERR bad_request <field>: <why>`.
    static func badRequest(_ field: UnsafeRawBufferPointer, _ why: String) -> RequestError {
        RequestError(.badRequest, "\(WireText.quoted(field)): \(why)")
    }

    /// An error `ERR bad_request <field>: <why>`.
    static func badRequest(_ field: String, _ why: String) -> RequestError {
        RequestError(.badRequest, "\(field): \(why)")
    }
}

/// The code of an error: the word after `ERR` in a reply.
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

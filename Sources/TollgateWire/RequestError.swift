/// Why a request is refused before anyone decides on it: the code, and a sentence that starts with the field.
package struct RequestError: Error, Equatable, Sendable {
    package let code: ErrorCode
    /// May quote what the client sent, but only by way of `WireText.quoted`.
    package let sentence: String

    package init(_ code: ErrorCode, _ sentence: String) {
        self.code = code
        self.sentence = sentence
    }

    /// `ERR bad_request <field>: <why>`.
    static func badRequest(_ field: UnsafeRawBufferPointer, _ why: String) -> RequestError {
        RequestError(.badRequest, "\(WireText.quoted(field)): \(why)")
    }

    static func badRequest(_ field: String, _ why: String) -> RequestError {
        RequestError(.badRequest, "\(field): \(why)")
    }
}

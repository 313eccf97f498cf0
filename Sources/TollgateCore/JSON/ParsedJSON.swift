/// A parsed JSON value. Numbers are the text of the document, so that they can be read exactly.
package enum ParsedJSON: Sendable, Equatable {
    case null
    case bool(Bool)
    /// The text of a number, such as `-1.2e-05`: at most 64 characters, with an exponent of at most 127.
    case number(String)
    case string(String)
    case array([ParsedJSON])
    case object([String: ParsedJSON])

    /// The items of an array, or nil for other values.
    package var items: [ParsedJSON]? { if case .array(let items) = self { items } else { nil } }

    /// The members of an object, or nil for other values.
    package var members: [String: ParsedJSON]? { if case .object(let members) = self { members } else { nil } }

    /// A description for the end of an error sentence, of at most 64 characters.
    package var found: String {
        switch self {
        case .null: "null"
        case .bool(let truth): "\(truth)"
        case .number(let text): text
        case .string(let text): Self.quoted(text)
        case .array: "a list"
        case .object: "an object"
        }
    }

    /// The beginning of a text in quotes, without control characters.
    package static func quoted(_ text: String) -> String {
        "\"\(String(text.unicodeScalars.prefix(40).filter { $0.value >= 0x20 }))\""
    }
}

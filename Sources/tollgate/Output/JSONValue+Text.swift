import Foundation
import TollgateAdmin
import TollgateCore
import TollgatePolicy

/// Access to the API's responses. Numbers are decimal, not binary, so amounts are printed exactly.
extension JSONValue {
    /// Returns a member of an object, or null.
    subscript(key: String) -> JSONValue {
        if case .object(let members) = self { members[key] ?? .null } else { .null }
    }

    /// The items of an array. Empty for other values.
    var array: [JSONValue] { if case .array(let items) = self { items } else { [] } }

    /// The members of an object, sorted by key. Empty for other values.
    var members: [(key: String, value: JSONValue)] {
        if case .object(let members) = self { members.sorted { $0.key < $1.key } } else { [] }
    }

    /// The string, or nil for other values.
    var string: String? { if case .string(let text) = self { text } else { nil } }

    /// The value as text: strings without quotes, `-` for null, arrays and objects as one line of JSON.
    var text: String {
        switch self {
        case .null: "-"
        case .bool(let truth): "\(truth)"
        case .integer(let number): "\(number)"
        case .decimal(let number): "\(number)"
        case .string(let text): text
        case .array, .object: json
        }
    }

    /// Parses JSON. Nil if it is invalid.
    init?(text: String) {
        guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) else { return nil }
        self = value
    }

    /// The value as one line of JSON, with sorted keys.
    var json: String { (try? CanonicalJSON.text(self)) ?? "" }

    /// Replaces characters that could control the terminal or reverse the direction of text.
    static func printable(_ text: String) -> String { PlainText.oneLine(text) }
}

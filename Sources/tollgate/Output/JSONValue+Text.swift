import Foundation
import TollgateAdmin
import TollgateCore

/// What commands take from the answers of the API. Numbers are decimal, not binary: amounts are printed as they came.
extension JSONValue {
    /// A member of an object; null where there is none.
    subscript(key: String) -> JSONValue {
        if case .object(let members) = self { members[key] ?? .null } else { .null }
    }

    /// The items of an array; none of anything else.
    var array: [JSONValue] { if case .array(let items) = self { items } else { [] } }

    /// The members of an object by their keys; none of anything else.
    var members: [(key: String, value: JSONValue)] {
        if case .object(let members) = self { members.sorted { $0.key < $1.key } } else { [] }
    }

    /// Nil where it is not text.
    var string: String? { if case .string(let text) = self { text } else { nil } }

    /// For people: text without quotes, `-` for null, JSON in one line for lists and objects.
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

    /// In one line, keys in alphabetical order.
    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// What comes from elsewhere must not steer the terminal, nor turn what stands there around.
    static func printable(_ text: String) -> String { PlainText.oneLine(text) }
}

package import Foundation
import TollgateCore
package import TollgatePolicy

/// A JSON value. Numbers keep the precision of their text.
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case decimal(Decimal)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// The maximum nesting depth.
    private static let maxDepth = 32

    /// Parses JSON. Throws if it is invalid, nested too deep, or has a duplicate key.
    init(parsing json: Data) throws(JSONParser.Fault) {
        try self.init(JSONParser.value(of: json))
    }

    /// Parses JSON text. Throws a `Problem` whose detail says what is wrong.
    package init(text: String) throws(Problem) {
        do throws(JSONParser.Fault) {
            try self.init(JSONParser.value(of: text.utf8))
        } catch {
            throw .badRequest("the text \(error.description)")
        }
    }

    /// Converts a parsed value. Throws a `Fault` if a number has too many digits.
    private init(_ parsed: ParsedJSON) throws(JSONParser.Fault) {
        switch parsed {
        case .null: self = .null
        case .bool(let truth): self = .bool(truth)
        case .number(let text): self = try Self.number(text)
        case .string(let text): self = .string(text)
        case .array(let items): self = .array(try items.map { item throws(JSONParser.Fault) in try JSONValue(item) })
        case .object(let members):
            var values: [String: JSONValue] = [:]
            for (key, value) in members { values[key] = try JSONValue(value) }
            self = .object(values)
        }
    }

    private static func number(_ text: String) throws(JSONParser.Fault) -> JSONValue {
        if let number = Int64(text) { return .integer(number) }
        guard let decimal = Decimal(string: text), decimal.isFinite else {
            throw JSONParser.Fault(sentence: "is not valid JSON: expected a smaller number")
        }
        return Int64("\(decimal)").map { .integer($0) } ?? .decimal(decimal)
    }

    /// The value as JSON on one line.
    package var compact: String { (try? CanonicalJSON.text(self)) ?? "" }

    /// The string, or nil for other values.
    package var text: String? { if case .string(let text) = self { text } else { nil } }

    /// The items of an array, or nil for other values.
    package var items: [JSONValue]? { if case .array(let items) = self { items } else { nil } }

    /// The members of an object, or nil for other values.
    package var members: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }

    /// A description for the end of an error sentence, of at most 40 characters.
    var found: String {
        switch self {
        case .null: "null"
        case .bool(let truth): "\(truth)"
        case .integer(let number): "\(number)"
        case .decimal(let number): "\(number)"
        case .string(let text): ParsedJSON.quoted(text)
        case .array: "a list"
        case .object: "an object"
        }
    }
}

extension JSONValue: Codable {
    package init(from decoder: any Decoder) throws {
        guard decoder.codingPath.count <= Self.maxDepth else {
            throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "nested too deep"))
        }
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let truth = try? value.decode(Bool.self) {
            self = .bool(truth)
        } else if let number = try? value.decode(Int64.self) {
            self = .integer(number)
        } else if let number = try? value.decode(Decimal.self) {
            self = .decimal(number)
        } else if let text = try? value.decode(String.self) {
            self = .string(text)
        } else if let items = try? value.decode([JSONValue].self) {
            self = .array(items)
        } else {
            self = .object(try value.decode([String: JSONValue].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let truth): try container.encode(truth)
        case .integer(let number): try container.encode(number)
        case .decimal(let number): try container.encode(number)
        case .string(let text): try container.encode(text)
        case .array(let items): try container.encode(items)
        case .object(let members): try container.encode(members)
        }
    }
}

extension JSONValue {
    /// Converts a node of a YAML document. Plain scalars become `null`, `true`, `false`, a number, or a string.
    package init(_ node: DocumentNode) {
        switch node.content {
        case .scalar(let text, let isPlain): self = isPlain ? .init(plain: text) : .string(text)
        case .list(let items): self = .array(items.map(JSONValue.init))
        case .map(let members):
            let values = members.map { ($0.key.text ?? "", JSONValue($0.value)) }
            self = .object(Dictionary(values) { first, _ in first })
        }
    }

    private init(plain word: String) {
        switch word {
        case "", "~", "null": self = .null
        case "true": self = .bool(true)
        case "false": self = .bool(false)
        default:
            if let number = Int64(word), "\(number)" == word {
                self = .integer(number)
            } else if Self.isDecimal(word), let number = Decimal(string: word) {
                self = .decimal(number)
            } else {
                self = .string(word)
            }
        }
    }

    /// Whether the word is digits with at most one decimal point. `3.1.0` is a string.
    private static func isDecimal(_ word: String) -> Bool {
        let parts = word.drop { $0 == "-" }.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
    }
}

/// A coding key that is only known at run time.
struct JSONKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ text: String) { stringValue = text }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

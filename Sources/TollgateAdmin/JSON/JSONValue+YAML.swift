import Foundation
import Yams

extension JSONValue {
    /// Converts a YAML node. Plain scalars become `null`, `true`, `false`, a number, or a string.
    init(_ node: Node) {
        switch node {
        case .scalar(let scalar): self = scalar.style == .plain ? .init(plain: scalar.string) : .string(scalar.string)
        case .sequence(let sequence): self = .array(sequence.map(JSONValue.init))
        case .mapping(let mapping):
            let members = mapping.map { ($0.key.string ?? "", JSONValue($0.value)) }
            self = .object(Dictionary(members) { first, _ in first })
        case .alias: self = .null
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

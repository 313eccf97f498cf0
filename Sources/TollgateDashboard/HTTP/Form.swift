import Foundation
import TollgateAdmin

/// The names and values of a form or a query (`application/x-www-form-urlencoded`).
struct Form: Sendable {
    /// The maximum number of fields, such as one for each row of a list.
    static let maxFields = 2_000

    private(set) var pairs: [(name: String, value: String)] = []

    init() {}

    /// Parses a body or a query. Throws a `Problem` if it is malformed or has too many fields.
    init(parsing text: some StringProtocol) throws(Problem) {
        // Browsers encode all other bytes. As they are, a combining mark would hide a separator before it.
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else { throw Self.malformed }
        for pair in text.split(separator: "&") {
            guard pairs.count < Self.maxFields else {
                throw .badRequest("the form has more than \(Self.maxFields) fields")
            }
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(parts[0]), let value = Self.decoded(parts.count > 1 ? parts[1] : "") else {
                throw Self.malformed
            }
            pairs.append((name, value))
        }
    }

    private static var malformed: Problem { .badRequest("the form is not percent-encoded UTF-8") }

    /// Returns the first value of a field as it was sent, as ids may begin or end with a space. Nil if it is missing or
    /// empty.
    subscript(_ name: String) -> String? { raw(name).flatMap { $0.isEmpty ? nil : $0 } }

    /// Returns the first value of a field as it was sent. Nil if it is missing.
    func raw(_ name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// Returns all values of a field, such as those of check boxes.
    func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

    /// Replaces all values of a field.
    mutating func set(_ name: String, _ value: String) {
        pairs.removeAll { $0.name == name }
        pairs.append((name, value))
    }

    private static func decoded(_ text: some StringProtocol) -> String? {
        String(text).replacing("+", with: " ").removingPercentEncoding
    }
}

extension String {
    /// The text without ASCII white space at both ends.
    var trimmed: String {
        func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || ("\t"..."\r").contains(scalar) }
        let start = unicodeScalars.drop(while: isSpace)
        guard let end = start.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(String.UnicodeScalarView(start[...end]))
    }
}

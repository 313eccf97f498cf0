package import Foundation

/// A JSON document as ``DocumentNode``s. Numbers are plain scalars with all of their digits; strings are quoted ones.
package enum JSONDocument {
    /// The deepest nesting. Nothing that Tollgate reads has more levels.
    private static let maxDepth = 32

    /// Parses a document. Members are sorted by key, as Foundation does not keep their order.
    ///
    /// - Throws: an error of Foundation's decoder if the bytes are not JSON, or nested too deeply.
    package static func root(of json: Data) throws -> DocumentNode {
        try JSONDecoder().decode(Value.self, from: json).node
    }

    private struct Value: Decodable {
        let node: DocumentNode

        private struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            guard decoder.codingPath.count <= JSONDocument.maxDepth else {
                throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "nested too deeply"))
            }
            if let object = try? decoder.container(keyedBy: Key.self) {
                let members = try object.allKeys.sorted { $0.stringValue < $1.stringValue }.map { key in
                    DocumentNode.Member(
                        key: Self.quoted(key.stringValue), value: try object.decode(Value.self, forKey: key).node)
                }
                node = DocumentNode(.map(members))
            } else if var array = try? decoder.unkeyedContainer() {
                var items: [DocumentNode] = []
                while !array.isAtEnd { items.append(try array.decode(Value.self).node) }
                node = DocumentNode(.list(items))
            } else {
                node = try Self.scalar(decoder.singleValueContainer())
            }
        }

        private static func scalar(_ value: any SingleValueDecodingContainer) throws -> DocumentNode {
            if value.decodeNil() { return plain("null") }
            if let bool = try? value.decode(Bool.self) { return plain("\(bool)") }
            if let number = try? value.decode(Int64.self) { return plain("\(number)") }
            if let number = try? value.decode(Decimal.self) { return plain(number.description) }
            return quoted(try value.decode(String.self))
        }

        private static func plain(_ text: String) -> DocumentNode { DocumentNode(.scalar(text, isPlain: true)) }

        private static func quoted(_ text: String) -> DocumentNode { DocumentNode(.scalar(text, isPlain: false)) }
    }
}

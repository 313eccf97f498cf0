package import Foundation
import Yams

/// Reads parts of a policy from JSON, by the rules of the policy file: bodies of the admin API, and what it has stored. Money may
/// also be text there (`"100.50"`), so that nobody has to pass it through a double.
package enum PolicyJSON {
    /// Nested no deeper than a policy can be.
    private static let deepest = 32

    /// `{ "limits": { "cost": { "month": "100.50" } }, "name": "Basic" }`
    package static func tier(_ json: Data, id: String) throws(PolicyError) -> Tier {
        try read(json) { $0.tier($1, id: id, at: $2) }
    }

    /// `{ "tier": "premium", "priority": 200, "enabled": true }`
    package static func assignment(
        _ json: Data, of subject: Assignment.Subject, order: Int64 = 0
    ) throws(PolicyError) -> Assignment {
        var assignment = try read(json) { reader, node, place in
            let entries = reader.entries(
                of: node, at: place, expected: "an object such as {\"tier\":\"premium\"}",
                allowed: PolicyReader.assignmentKeys)
            return node.mapping == nil ? nil : reader.assignment(of: subject, entries, order: order, at: place)
        }
        assignment.origin = .admin
        return assignment
    }

    /// `{ "requests": { "1m": 60 } }`
    package static func limits(_ json: Data) throws(PolicyError) -> [Limit] {
        try read(json) { $0.scopeLimits(.init(key: "", place: $2, value: $1)) }
    }

    /// `{ "add": { "cost/month": "50" }, "expires_at": "2026-11-22T10:00:00Z", "reason": "deadline" }`
    package static func override(_ json: Data) throws(PolicyError) -> Override {
        try read(json) { $0.override($1, at: $2) }
    }

    private static func read<Value>(
        _ json: Data, _ body: (PolicyReader, Node, PolicyReader.Place) -> Value?
    ) throws(PolicyError) -> Value {
        let reader = PolicyReader(file: "JSON", isJSON: true)
        let place = PolicyReader.Place(line: 1, path: [])
        var value: Value?
        do {
            value = body(reader, try JSONDecoder().decode(JSONNode.self, from: json).node, place)
        } catch {
            reader.report(place, "not valid JSON")
        }
        guard reader.problems.isEmpty, let value else {
            if reader.problems.isEmpty { reader.report(place, "expected an object") }
            throw PolicyError(problems: reader.problems)
        }
        return value
    }

    /// JSON as the nodes that the reader walks: numbers are plain scalars with the text that they had, strings are quoted.
    private struct JSONNode: Decodable {
        let node: Node

        private struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            guard decoder.codingPath.count <= PolicyJSON.deepest else {
                throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "nested too deep"))
            }
            if let object = try? decoder.container(keyedBy: Key.self) {
                let pairs = try object.allKeys.sorted { $0.stringValue < $1.stringValue }.map { key in
                    (Self.text(key.stringValue), try object.decode(JSONNode.self, forKey: key).node)
                }
                node = .mapping(.init(pairs))
            } else if var array = try? decoder.unkeyedContainer() {
                var nodes: [Node] = []
                while !array.isAtEnd { nodes.append(try array.decode(JSONNode.self).node) }
                node = .sequence(.init(nodes))
            } else {
                node = try Self.scalar(decoder.singleValueContainer())
            }
        }

        private static func scalar(_ value: any SingleValueDecodingContainer) throws -> Node {
            if value.decodeNil() { return plain("null") }
            if let truth = try? value.decode(Bool.self) { return plain("\(truth)") }
            if let number = try? value.decode(Int64.self) { return plain("\(number)") }
            if let number = try? value.decode(Decimal.self) { return plain(number.description) }
            return text(try value.decode(String.self))
        }

        private static func plain(_ text: String) -> Node { .scalar(.init(text, Tag.implicit, .plain)) }

        private static func text(_ text: String) -> Node { .scalar(.init(text, Tag.implicit, .doubleQuoted)) }
    }
}

/// A value of a YAML or JSON document: a scalar, a list or a map.
///
/// Aliases are resolved, and every node knows its line where the format has lines. The adapters are ``YAMLDocument``
/// and ``JSONDocument``.
package struct DocumentNode: Sendable {
    /// The three kinds of a value.
    package enum Content: Sendable {
        /// A scalar. `isPlain` is false for quoted scalars and block scalars.
        case scalar(String, isPlain: Bool)
        case list([DocumentNode])
        /// In the order of the document. No key is there twice.
        case map([Member])
    }

    /// A `key: value` of a map.
    package struct Member: Sendable {
        package let key: DocumentNode
        package let value: DocumentNode
    }

    package let content: Content
    /// The line, from 1; for the value of an alias, the line of its anchor. Nil for JSON.
    package let line: Int?

    package init(_ content: Content, line: Int? = nil) {
        self.content = content
        self.line = line
    }
}

extension DocumentNode {
    /// The text of a scalar, quoted or not; nil for a list or a map.
    package var text: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }

    /// The text of an unquoted scalar; nil for any other node.
    package var plainText: String? {
        if case .scalar(let text, isPlain: true) = content { text } else { nil }
    }

    /// The items of a list; nil for any other node.
    package var items: [DocumentNode]? {
        if case .list(let items) = content { items } else { nil }
    }

    /// The members of a map; nil for any other node.
    package var members: [Member]? {
        if case .map(let members) = content { members } else { nil }
    }

    /// The value under a key of a map; nil for an unknown key, and for a node that is not a map.
    package subscript(key: String) -> DocumentNode? {
        members?.first { $0.key.text == key }?.value
    }

    /// Whether the value is missing, as after `key:` at the end of a line.
    package var isEmpty: Bool { plainText == "" }

    /// Whether the value is `null` or `~`. An empty value is not.
    package var isNull: Bool {
        switch plainText {
        case "null", "Null", "NULL", "~": true
        default: false
        }
    }
}

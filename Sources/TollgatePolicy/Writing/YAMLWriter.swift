/// The text of a ``DocumentNode`` in YAML. `YAMLDocument` reads it as the same node. Pure.
package enum YAMLWriter {
    /// The maximum length of a line on which a map or list is written as `{ … }` or `[ … ]`.
    private static let maxLine = 100
    /// The longest key of the form `key: value`. The format allows 1024.
    private static let maxKey = 1_000

    /// Returns the text of a map, with a line end after each line. An empty map is no text.
    package static func text(of map: DocumentNode) -> String {
        lines(of: map.members ?? [], indent: "").map { $0 + "\n" }.joined()
    }

    /// Returns a line that is a comment, also if the text contains characters that end lines.
    package static func comment(_ text: String) -> String { text.isEmpty ? "#\n" : "# \(escaped(text))\n" }

    private static func lines(of members: [DocumentNode.Member], indent: String) -> [String] {
        members.flatMap { member -> [String] in
            let text = key(member.key.text ?? "")
            guard text.count <= maxKey else {
                return [indent + "? " + text] + value(member.value, after: indent + ":", indent: indent)
            }
            return value(member.value, after: indent + text + ":", indent: indent)
        }
    }

    /// Returns a value on the line of its key, if it is small, or on the lines below.
    private static func value(_ node: DocumentNode, after start: String, indent: String) -> [String] {
        let flow = flow(node)
        let isShort = start.count + flow.count < maxLine && node.depth <= 2 && !node.isListOfMaps
        switch node.content {
        case .scalar: return ["\(start) \(flow)"]
        case .map(let members) where !members.isEmpty && !isShort:
            return [start] + lines(of: members, indent: indent + "  ")
        case .list(let items) where !items.isEmpty && !isShort:
            return [start] + items.map { "\(indent)  - \(Self.flow($0))" }
        case .map, .list: return ["\(start) \(flow)"]
        }
    }

    private static func flow(_ node: DocumentNode) -> String {
        switch node.content {
        case .scalar(let text, let isPlain): isPlain ? text : word(text)
        case .list(let items): "[\(items.map(flow).joined(separator: ", "))]"
        case .map(let members):
            members.isEmpty
                ? "{}"
                : "{ \(members.map { "\(key($0.key.text ?? "")): \(flow($0.value))" }.joined(separator: ", ")) }"
        }
    }

    // MARK: - Words

    /// Words that readers take for other types than text.
    private static let reserved: Set<String> = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]

    /// Returns the text of a key, in quotes if it needs them.
    static func key(_ text: String) -> String {
        let isPlain =
            text.utf8.first.map(isAlphanumeric) ?? false && text.utf8.last != UInt8(ascii: ":")
            && text.utf8.allSatisfy { isAlphanumeric($0) || "_-+:/.@".utf8.contains($0) }
        return isPlain ? text : quoted(text)
    }

    /// Text that is not a key, without quotes only if it begins with a letter.
    private static func word(_ text: String) -> String {
        let isPlain =
            text.utf8.first.map { isAlphanumeric($0) && $0 > 0x39 } ?? false
            && text.utf8.allSatisfy { isAlphanumeric($0) || "_-/.@".utf8.contains($0) }
            && !reserved.contains(text.lowercased())
        return isPlain ? text : quoted(text)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { result.append("\\") }
            result.append(escaped(String(scalar)))
        }
        return result + "\""
    }

    /// Escapes what is invisible, ends lines, or must not be in a YAML file. An escape is the same within quotes in
    /// JSON, up to U+FFFF.
    private static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse, .surrogate:
                let digits = String(scalar.value, radix: 16)
                let width = scalar.value > 0xffff ? 8 : 4
                let escape = (width == 8 ? "\\U" : "\\u") + String(repeating: "0", count: width - digits.count) + digits
                result.append(contentsOf: escape.unicodeScalars)
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}

extension DocumentNode {
    /// The number of levels of lists and maps.
    fileprivate var depth: Int {
        switch content {
        case .scalar: 0
        case .list(let items): 1 + (items.map(\.depth).max() ?? 0)
        case .map(let members): 1 + (members.map(\.value.depth).max() ?? 0)
        }
    }

    fileprivate var isListOfMaps: Bool { items?.contains { $0.members != nil } ?? false }
}

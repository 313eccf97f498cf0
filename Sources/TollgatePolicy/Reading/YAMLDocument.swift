import Yams

/// The text of a YAML file, and the ``DocumentNode``s in it. The first error of this layer ends the reading.
package struct YAMLDocument {
    /// 1 MiB.
    static let maxBytes = 1 << 20
    /// The maximum number of list items and map members. An alias counts with everything that it refers to, each time
    /// it is used: a few aliases to aliases can stand for billions of entries.
    static let maxEntries = 200_000
    /// The deepest nesting once aliases are resolved. The parser has the same limit for nesting in the text.
    private static let maxDepth = 1_000

    let yaml: String
    let file: String
    let lines: [Substring]

    /// - Parameter file: The name in error messages. Nothing is read from it.
    package init(yaml: String, file: String) throws(PolicyError) {
        guard yaml.utf8.count <= Self.maxBytes else {
            let problem = PolicyProblem(file: file, line: 1, path: "", sentence: "larger than 1 MiB")
            throw PolicyError(problems: [problem])
        }
        self.yaml = yaml
        self.file = file
        // By scalar: CR and LF are one Character.
        self.lines = yaml.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map(Substring.init)
    }

    /// The root of the only document; nil if the file is empty.
    ///
    /// - Throws: one problem: invalid YAML, a duplicate key, a key that is an alias, or a bound that is exceeded.
    package func root() throws(PolicyError) -> DocumentNode? {
        if yaml.utf8.contains(UInt8(ascii: "*")) { try rejectKeysBehindAliases() }
        guard let root = try parse(yaml) else { return nil }
        var entriesLeft = Self.maxEntries
        return try convert(root, depth: 0, &entriesLeft)
    }

    func error(_ line: Int, _ path: String, _ sentence: String) -> PolicyError {
        PolicyError(problems: [PolicyProblem(file: file, line: line, path: path, sentence: sentence)])
    }

    // MARK: - Parsing

    private func parse(_ yaml: String) throws(PolicyError) -> Node? {
        do {
            // The basic resolver leaves what looks like a number or a date as text.
            return try compose(yaml: yaml, .basic, .default, .utf8)
        } catch let problem as YamlError {
            throw translated(problem)
        } catch {
            throw self.error(1, "", "not valid YAML: \(error)")
        }
    }

    private func translated(_ problem: YamlError) -> PolicyError {
        switch problem {
        case .scanner(let context, let text, let mark, _), .parser(let context, let text, let mark, _),
            .composer(let context, let text, let mark, _):
            let context = context.map { " (\($0.text))" } ?? ""
            return error(min(mark.line, lines.count), "", "not valid YAML: \(text)\(context)")
        case .reader(let text, let offset, _, _):
            let line = yaml.prefix(offset ?? 0).unicodeScalars.count { $0 == "\n" } + 1
            return error(line, "", "not valid YAML: \(text)")
        case .duplicatedKeysInMapping(let keys, let context):
            return duplicate(keys, line: context.mark.line, column: context.mark.column)
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return error(1, "", "not valid YAML: \(problem)")
        }
    }

    // MARK: - Aliases

    private static let aliasMarker: Unicode.Scalar = "\u{E000}"

    /// Rejects keys that are an alias, a list or a map.
    ///
    /// The parser hashes and compares each key with everything in it. A key that is an alias to a list of aliases to
    /// lists of aliases would keep it busy for years. A text with aliases is therefore first parsed with a letter in
    /// place of each `*`, which turns aliases into words, and each key must be a word.
    private func rejectKeysBehindAliases() throws(PolicyError) {
        var text = String.UnicodeScalarView()
        for scalar in yaml.unicodeScalars { text.append(scalar == "*" ? Self.aliasMarker : scalar) }
        guard let root = try parse(String(text)) else { return }
        var nodes = [root]
        while let node = nodes.popLast() {
            switch node {
            case .mapping(let mapping):
                for (key, value) in mapping {
                    guard let scalar = key.scalar,
                        scalar.style != .plain || scalar.string.unicodeScalars.first != Self.aliasMarker
                    else {
                        throw error(key.mark?.line ?? 1, "", "an alias, a list or a map cannot be a key")
                    }
                    nodes.append(value)
                }
            case .sequence(let sequence): nodes.append(contentsOf: sequence)
            case .scalar, .alias: break
            }
        }
    }

    // MARK: - Conversion

    private func convert(_ node: Node, depth: Int, _ entriesLeft: inout Int) throws(PolicyError) -> DocumentNode {
        let line = node.mark?.line
        guard depth <= Self.maxDepth else {
            throw error(line ?? 1, "", "nested deeper than \(Self.maxDepth) levels once aliases are filled in")
        }
        switch node {
        case .scalar(let scalar):
            return DocumentNode(.scalar(scalar.string, isPlain: scalar.style == .plain), line: line)
        case .sequence(let sequence):
            var items: [DocumentNode] = []
            for item in sequence {
                try count(&entriesLeft)
                items.append(try convert(item, depth: depth + 1, &entriesLeft))
            }
            return DocumentNode(.list(items), line: line)
        case .mapping(let mapping):
            var members: [DocumentNode.Member] = []
            for (key, value) in mapping {
                try count(&entriesLeft)
                members.append(
                    DocumentNode.Member(
                        key: try convert(key, depth: depth + 1, &entriesLeft),
                        value: try convert(value, depth: depth + 1, &entriesLeft)))
            }
            return DocumentNode(.map(members), line: line)
        case .alias:
            // The parser replaces each alias by the node of its anchor.
            throw error(line ?? 1, "", "not valid YAML: an alias without its value")
        }
    }

    private func count(_ entriesLeft: inout Int) throws(PolicyError) {
        entriesLeft -= 1
        guard entriesLeft >= 0 else {
            throw error(1, "", "more than \(Self.maxEntries) entries once aliases are filled in")
        }
    }
}

// MARK: - Duplicate keys

extension YAMLDocument {
    /// The error for keys that are in a map twice.
    ///
    /// The parser reports the keys and the position of the first one. The line of the second one and the path to the
    /// map are found by indentation. Within `{ … }` there is none, and the line of the first one is reported.
    ///
    /// - Parameters:
    ///   - line: The line of the first occurrence, from 1.
    ///   - column: Its column, from 1.
    func duplicate(_ keys: [String], line: Int, column: Int) -> PolicyError {
        let path = enclosingKeys(line: line, column: column).joined(separator: ".")
        let second = keys.first.flatMap { secondLine(of: $0, line: line, column: column) }
        let first = second.map { _ in " (first on line \(line))" } ?? ""
        return error(second ?? line, path, "duplicate key \(keys.joined(separator: ", "))\(first)")
    }

    private func secondLine(of key: String, line: Int, column: Int) -> Int? {
        guard line <= lines.count, indentation(of: lines[line - 1]) == column - 1 else { return nil }
        for (index, text) in lines.enumerated().dropFirst(line) where !isBlank(text) {
            let indentation = indentation(of: text)
            if indentation < column - 1 { return nil }
            if indentation == column - 1, leadingKey(of: text) == key { return index + 1 }
        }
        return nil
    }

    /// The keys that lead to a position, outermost first. Each is on a line of its own, indented less than the next
    /// one.
    private func enclosingKeys(line: Int, column: Int) -> [String] {
        var keys: [String] = []
        var limit = column - 1
        for text in lines.prefix(line).reversed() where !isBlank(text) {
            let indentation = indentation(of: text)
            guard indentation < limit, let key = leadingKey(of: text) else { continue }
            keys.append(key)
            limit = indentation
        }
        return keys.reversed()
    }

    private func indentation(of line: Substring) -> Int {
        line.unicodeScalars.prefix { $0 == " " }.count
    }

    private func isBlank(_ line: Substring) -> Bool {
        let first = line.unicodeScalars.first { $0 != " " && $0 != "\t" && $0 != "\r" }
        return first == nil || first == "#"
    }

    /// The key of a line `key: value`, without quotes; nil for a list item and for a line without a key.
    private func leadingKey(of line: Substring) -> String? {
        let text = line.unicodeScalars.drop { $0 == " " }
        guard !text.starts(with: "- ".unicodeScalars) else { return nil }
        if let quote = text.first, quote == "\"" || quote == "'" {
            return text.dropFirst().firstIndex(of: quote).map { String(text[text.index(after: text.startIndex)..<$0]) }
        }
        for index in text.indices where text[index] == ":" {
            let next = text.index(after: index)
            guard next < text.endIndex, ![" ", "\r"].contains(text[next]) else { return String(text[..<index]) }
        }
        return nil
    }
}

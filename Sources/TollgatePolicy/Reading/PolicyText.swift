package import Yams

/// The text of a policy file, or of any other file in YAML, from its lines to nodes. What is wrong at this layer ends the reading.
package struct PolicyText {
    /// 1 MiB.
    static let maxBytes = 1 << 20

    let yaml: String
    let file: String
    let lines: [Substring]

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

    /// The only document's root; nil where the file is empty.
    package func root() throws(PolicyError) -> Node? {
        guard yaml.utf8.contains(UInt8(ascii: "*")) else { return try parse(yaml) }
        try refuseKeysBehindAliases()
        return try parse(yaml)
    }

    func error(_ line: Int, _ path: String, _ sentence: String) -> PolicyError {
        PolicyError(problems: [PolicyProblem(file: file, line: line, path: path, sentence: sentence)])
    }

    private func parse(_ yaml: String) throws(PolicyError) -> Node? {
        do {
            // Without rules for what looks like a number or a date: the text of each scalar is wanted as it stands.
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
            return duplicate(keys, firstAt: context.mark)
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return error(1, "", "not valid YAML: \(problem)")
        }
    }
}

// MARK: - Aliases

extension PolicyText {
    private static let standIn: Unicode.Scalar = "\u{E000}"

    /// Keys are hashed and compared while a file is parsed, at the price of everything in them. A key that is an alias to
    /// a list of aliases to lists of aliases … would make a file of a few lines take for ever. So a file with aliases is
    /// first parsed with a letter in the place of each `*`, which makes words of them, and its keys must be words.
    private func refuseKeysBehindAliases() throws(PolicyError) {
        var text = String.UnicodeScalarView()
        for scalar in yaml.unicodeScalars { text.append(scalar == "*" ? Self.standIn : scalar) }
        guard let root = try parse(String(text)) else { return }
        var nodes = [root]
        while let node = nodes.popLast() {
            switch node {
            case .mapping(let mapping):
                for (key, value) in mapping {
                    guard key.scalar != nil, key.plainText?.unicodeScalars.first != Self.standIn else {
                        throw error(key.mark?.line ?? 1, "", "an alias, a list or a map cannot be a key")
                    }
                    nodes.append(value)
                }
            case .sequence(let sequence): nodes.append(contentsOf: sequence)
            case .scalar, .alias: break
            }
        }
    }
}

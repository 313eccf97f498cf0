import TollgateCore

/// A reader of the nodes of a policy, or of another strict file. It tracks positions and collects problems.
///
/// Lives for one reading, in one task. A problem at one position does not stop the reading of the others.
package final class PolicyReader {
    /// A position in a file: the line, from 1, and the keys that lead there.
    package struct Position {
        package var line: Int
        package var path: [String]

        package init(line: Int, path: [String]) {
            self.line = line
            self.path = path
        }

        /// The position of a key below this one.
        package func at(_ key: String, line: Int) -> Position { Position(line: line, path: path + [key]) }
    }

    /// A `key: value` of a map, with the position of the key.
    package struct Entry {
        package let key: String
        package let position: Position
        package let value: DocumentNode

        package init(key: String, position: Position, value: DocumentNode) {
            self.key = key
            self.position = position
            self.value = value
        }
    }

    /// The reading reports no more problems than this.
    package static let maxProblems = 1_000

    package let file: String
    /// The problems so far, in the order in which they were found.
    package private(set) var problems: [PolicyProblem] = []
    /// Warnings about limits of tiers, about assignments, and about scopes that look like patterns.
    package var warnings: [PolicyProblem] = []
    private var hasGivenUp = false
    /// The kinds under `kinds:`, which are not typos.
    var namedKinds: Set<String> = []
    /// The kinds whose ids are read in lower case.
    var folded: Set<String> = []

    /// The limits of all users in the same file, which those of tiers are compared with.
    var userDefaults: [LocatedLimit] = []

    /// The unit of the amounts of money, which must be known before they are read.
    var moneyUnit = MoneyUnit.nano

    /// Whether the limits being read are those of an account, which can say whose figures count.
    var limitsAreOfAccount = false

    /// Whether the document is JSON: text must be in quotes there, and money may be.
    package let isJSON: Bool

    /// Whether the file may contain secrets. Problems then quote only short words, which cannot be secrets.
    package internal(set) var holdsSecrets: Bool

    /// - Parameter file: The name that problems are reported under.
    package init(file: String, isJSON: Bool = false, holdsSecrets: Bool = false) {
        self.file = file
        self.isJSON = isJSON
        self.holdsSecrets = holdsSecrets
    }

    /// Whether a problem may quote the text.
    package func mayQuote(_ text: String) -> Bool {
        !holdsSecrets || text.utf8.count <= 16 && text.utf8.allSatisfy { isWordByte($0) }
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || byte == 0x5f
    }

    /// Adds a problem. After ``maxProblems`` of them the reading ends.
    package func report(_ position: Position, _ sentence: String) {
        guard !hasGivenUp else { return }
        problems.append(problem(position, sentence))
        guard problems.count == Self.maxProblems else { return }
        hasGivenUp = true
        let end = "more than \(Self.maxProblems) problems; the rest is not listed"
        problems.append(PolicyProblem(file: file, line: position.line, path: "", sentence: end))
    }

    /// A problem of this file that is not added to ``problems``.
    package func problem(_ position: Position, _ sentence: String) -> PolicyProblem {
        PolicyProblem(file: file, line: position.line, path: position.path.joined(separator: "."), sentence: sentence)
    }
}

// MARK: - Maps and lists

extension PolicyReader {
    /// The entries of a map. Reports a node that is not a map, and each key that is not in `allowed`.
    ///
    /// - Parameters:
    ///   - expected: The end of the sentence `expected …`.
    ///   - noun: The word for a key in the sentence `unknown key`.
    ///   - allowed: The keys that are returned; nil for all.
    package func entries(
        of node: DocumentNode, at position: Position, expected: String, noun: String = "key", allowed: [String]? = nil
    ) -> [Entry] {
        guard let members = node.members else {
            report(self.position(of: node, at: position), "expected \(expected)")
            return []
        }
        var entries: [Entry] = []
        for member in members {
            guard !hasGivenUp else { break }
            let line = member.key.line ?? position.line
            guard let name = member.key.text else {
                report(Position(line: line, path: position.path), "expected a word as the key")
                continue
            }
            let shown = mayQuote(name) ? name : "…"
            let entry = Entry(key: name, position: position.at(shown, line: line), value: member.value)
            if let allowed, !allowed.contains(name) {
                report(entry.position, Self.unknown(noun, name, allowed: allowed))
            } else {
                entries.append(entry)
            }
        }
        return entries
    }

    /// The items of a list. Reports a node that is not a list.
    package func items(
        of node: DocumentNode, at position: Position, expected: String
    ) -> [(value: DocumentNode, position: Position)] {
        guard let items = node.items else {
            report(self.position(of: node, at: position), "expected \(expected)")
            return []
        }
        return items.map { ($0, self.position(of: $0, at: position)) }
    }

    /// The position of a value; the position of its key for an empty one.
    package func position(of node: DocumentNode, at position: Position) -> Position {
        guard let line = node.line, !node.isEmpty else { return position }
        return Position(line: line, path: position.path)
    }

    private static func unknown(_ noun: String, _ key: String, allowed: [String]) -> String {
        let list = "expected one of \(allowed.joined(separator: ", "))"
        // Never suggests `no_limits` for `limits`: it is the opposite.
        guard let nearest = nearestWord(to: key, among: allowed.filter { $0 != "no_limits" }) else {
            return "unknown \(noun); \(list)"
        }
        return "unknown \(noun); did you mean \(nearest)? (\(list))"
    }
}

// MARK: - Values

extension PolicyReader {
    /// The text of a scalar, quoted or not; in JSON always quoted. Reports any other node.
    package func text(_ node: DocumentNode, at position: Position, expected: String) -> String? {
        guard let text = node.text, !node.isEmpty, !node.isNull, !isJSON || node.plainText == nil else {
            report(self.position(of: node, at: position), "expected \(expected)")
            return nil
        }
        return text
    }

    /// A whole number in plain decimal digits. Reports any other node.
    package func wholeNumber(_ node: DocumentNode, at position: Position, in range: ClosedRange<Int64>) -> Int64? {
        guard let text = node.plainText, text.isDecimalDigits, let number = Int64(text), range.contains(number) else {
            let expected = "expected a whole number from \(range.lowerBound) to \(range.upperBound)"
            report(self.position(of: node, at: position), expected + found(node))
            return nil
        }
        return number
    }

    /// Reads `true` or `false`. Reports any other value.
    package func bool(_ entry: Entry) -> Bool? {
        switch entry.value.plainText {
        case "true": return true
        case "false": return false
        default:
            report(
                position(of: entry.value, at: entry.position), "expected true or false\(found(entry.value))")
            return nil
        }
    }

    /// Reads a list of percentages in strictly ascending order. Reports an error and returns nil for any other node.
    package func thresholds(_ node: DocumentNode, at position: Position) -> [Int]? {
        let expected = "a list of whole numbers such as [80, 90, 95, 100]"
        guard node.items != nil else {
            report(self.position(of: node, at: position), "expected \(expected)")
            return nil
        }
        var thresholds: [Int] = []
        for item in items(of: node, at: position, expected: expected) {
            guard let number = wholeNumber(item.value, at: item.position, in: 1...1_000) else { return nil }
            guard thresholds.last.map({ $0 < number }) ?? true else {
                report(item.position, "expected ascending numbers, each of them once")
                return nil
            }
            thresholds.append(Int(number))
        }
        return thresholds
    }

    /// A word of an enumeration. Reports any other node.
    package func word<Word: RawRepresentable<String> & CaseIterable>(
        _ node: DocumentNode, at position: Position, as type: Word.Type
    ) -> Word? {
        let expected = Word.allCases.map(\.rawValue).joined(separator: " or ")
        guard let text = text(node, at: position, expected: expected) else { return nil }
        guard let word = Word(rawValue: text) else {
            report(self.position(of: node, at: position), "expected \(expected)\(found(node))")
            return nil
        }
        return word
    }

    /// Reads a human-readable text: one line of 1 to `maxLength` bytes. Reports any other value.
    func label(_ entry: Entry, maxLength: Int) -> String? {
        guard let text = text(entry.value, at: entry.position, expected: "text") else { return nil }
        let isPrintable = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        guard (1...maxLength).contains(text.utf8.count), isPrintable else {
            report(entry.position, "expected 1 to \(maxLength) bytes of text without control characters")
            return nil
        }
        return text
    }

    /// The end of a sentence that quotes the value, `, found 7x`: at most 40 characters, and nothing that could be a
    /// secret.
    package func found(_ node: DocumentNode) -> String {
        switch node.content {
        case .scalar(let text, let isPlain):
            if node.isEmpty { return ", found nothing" }
            guard mayQuote(text) else { return "" }
            let start = String(text.unicodeScalars.prefix(40))
            return isPlain ? ", found \(start)" : ", found text in quotes: \"\(start)\""
        case .map: return ", found a map"
        case .list: return ", found a list"
        }
    }
}

extension String {
    /// Whether the text is digits only, without a leading zero, which some readers of YAML take for octal.
    package var isDecimalDigits: Bool {
        !isEmpty && utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } && !hasLeadingZero
    }

    /// Whether the text begins with a zero before another digit: `007` and `00.5`, but not `0` or `0.5`.
    package var hasLeadingZero: Bool {
        utf8.first == 0x30 && utf8.dropFirst().first.map { $0 >= 0x30 && $0 <= 0x39 } ?? false
    }
}

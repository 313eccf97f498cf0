import TollgateCore
package import Yams

/// Walks the nodes of a policy file, knows where it is, and collects what is wrong.
///
/// Lives for one reading, in one task. The problems of one place do not stop the reading of the others.
package final class PolicyReader {
    /// A place in the file.
    package struct Place {
        package var line: Int
        package var path: [String]

        package init(line: Int, path: [String]) {
            self.line = line
            self.path = path
        }

        package func at(_ key: String, line: Int) -> Place { Place(line: line, path: path + [key]) }
    }

    /// One `key: value` of a mapping; its place is that of the key.
    package struct Entry {
        package let key: String
        package let place: Place
        package let value: Node

        package init(key: String, place: Place, value: Node) {
            self.key = key
            self.place = place
            self.value = value
        }
    }

    /// Counted over aliases as often as they are used, so that a few of them cannot stand for billions of entries.
    package static let maxEntries = 200_000
    package static let maxProblems = 1_000

    package let file: String
    package private(set) var problems: [PolicyProblem] = []
    /// Limits of tiers that can never matter.
    package var warnings: [PolicyProblem] = []
    private var entriesLeft = maxEntries
    private var hasGivenUp = false

    /// Text is in quotes there, and money may be.
    package let isJSON: Bool

    /// There are secrets in such a file: only short words are quoted, which can be none.
    package let holdsSecrets: Bool

    package init(file: String, isJSON: Bool = false, holdsSecrets: Bool = false) {
        self.file = file
        self.isJSON = isJSON
        self.holdsSecrets = holdsSecrets
    }

    /// Whether a sentence may quote it.
    package func mayQuote(_ text: String) -> Bool {
        !holdsSecrets || text.utf8.count <= 16 && text.utf8.allSatisfy { isWordByte($0) }
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || byte == 0x5f
    }

    package func report(_ place: Place, _ sentence: String) {
        guard !hasGivenUp else { return }
        problems.append(problem(place, sentence))
        if problems.count == Self.maxProblems {
            giveUp("more than \(Self.maxProblems) problems; the rest is not listed")
        }
    }

    package func problem(_ place: Place, _ sentence: String) -> PolicyProblem {
        PolicyProblem(file: file, line: place.line, path: place.path.joined(separator: "."), sentence: sentence)
    }

    private func giveUp(_ sentence: String) {
        hasGivenUp = true
        problems.append(PolicyProblem(file: file, line: problems.last?.line ?? 1, path: "", sentence: sentence))
    }

    private func spend() -> Bool {
        entriesLeft -= 1
        if entriesLeft < 0, !hasGivenUp { giveUp("more than \(Self.maxEntries) entries once aliases are filled in") }
        return !hasGivenUp
    }
}

// MARK: - Nodes

extension PolicyReader {
    /// The entries of a mapping; where `allowed` is given, any other key is reported and left out.
    package func entries(
        of node: Node, at place: Place, expected: String, noun: String = "key", allowed: [String]? = nil
    ) -> [Entry] {
        guard let mapping = node.mapping else {
            report(self.place(of: node, at: place), "expected \(expected)")
            return []
        }
        var entries: [Entry] = []
        for (key, value) in mapping {
            guard spend() else { break }
            let line = key.mark?.line ?? place.line
            guard let name = key.scalar?.string else {
                report(Place(line: line, path: place.path), "expected a word as the key")
                continue
            }
            let shown = mayQuote(name) ? name : "…"
            let entry = Entry(key: name, place: place.at(shown, line: line), value: value)
            if let allowed, !allowed.contains(name) {
                report(entry.place, Self.unknown(noun, name, allowed: allowed))
            } else {
                entries.append(entry)
            }
        }
        return entries
    }

    /// The items of a list.
    package func items(of node: Node, at place: Place, expected: String) -> [(value: Node, place: Place)] {
        guard let sequence = node.sequence else {
            report(self.place(of: node, at: place), "expected \(expected)")
            return []
        }
        var items: [(value: Node, place: Place)] = []
        for value in sequence {
            guard spend() else { break }
            items.append((value, self.place(of: value, at: place)))
        }
        return items
    }

    /// Where a value stands; an empty one stands with its key.
    package func place(of node: Node, at place: Place) -> Place {
        guard let mark = node.mark, !node.isEmpty else { return place }
        return Place(line: mark.line, path: place.path)
    }

    private static func unknown(_ noun: String, _ key: String, allowed: [String]) -> String {
        let list = "expected one of \(allowed.joined(separator: ", "))"
        // Not `no_limits` for `limits`, which is the opposite.
        guard let nearest = nearestWord(to: key, among: allowed.filter { $0 != "no_limits" }) else {
            return "unknown \(noun); \(list)"
        }
        return "unknown \(noun); did you mean \(nearest)? (\(list))"
    }
}

extension Node {
    /// The text of an unquoted scalar.
    package var plainText: String? {
        guard let scalar, scalar.style == .plain else { return nil }
        return scalar.string
    }

    /// `key:` with nothing after it.
    package var isEmpty: Bool { plainText == "" }

    /// `null` or `~`.
    package var isNull: Bool {
        switch plainText {
        case "null", "Null", "NULL", "~": true
        default: false
        }
    }
}

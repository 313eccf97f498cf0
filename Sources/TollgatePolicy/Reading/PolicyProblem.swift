/// A problem in a policy file, or in another file that is read as strictly: an error or a warning.
package struct PolicyProblem: Sendable, Hashable, CustomStringConvertible {
    /// The name of the file, as the caller gave it.
    package let file: String
    /// The line, from 1; for the value of an alias, the line of the anchor.
    package let line: Int
    /// The keys that lead to the problem, such as `defaults.user.requests.1m`; empty for the file as a whole.
    package let path: String
    /// The sentence that says what is wrong, and what is expected.
    package let sentence: String

    /// Creates a problem. `path` and `sentence` are cut at 500 characters, and control characters in them become `?`.
    package init(file: String, line: Int, path: String, sentence: String) {
        self.file = file
        self.line = line
        self.path = Self.printable(path)
        self.sentence = Self.printable(sentence)
    }

    /// Makes text that quotes the file, and so may contain anything, fit for one line of a log.
    private static func printable(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(500) {
            scalars.append(scalar.properties.generalCategory == .control ? "?" : scalar)
        }
        return String(scalars) + (text.unicodeScalars.count > 500 ? "…" : "")
    }

    /// The text of the problem, such as `tollgate.yaml:12: defaults.user.requests.1x: expected request, day, …`.
    package var description: String {
        path.isEmpty ? "\(file):\(line): \(sentence)" : "\(file):\(line): \(path): \(sentence)"
    }
}

extension [PolicyProblem] {
    /// The problems in the order of their lines. Problems of one line keep their order.
    package func sortedByLine() -> [PolicyProblem] {
        enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }.map(\.element)
    }
}

/// The error of a policy file: all of its problems, in the order of their lines.
package struct PolicyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// At least one problem.
    package let problems: [PolicyProblem]

    package init(problems: [PolicyProblem]) {
        self.problems = problems
    }

    /// The problems, one a line.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// One thing that is wrong with a policy file, or worth a warning.
package struct PolicyProblem: Sendable, Hashable, CustomStringConvertible {
    /// The file as it was named by whoever gave it.
    package let file: String
    /// From 1; for something written behind an alias, the line of the anchor.
    package let line: Int
    /// The keys that lead there, such as `defaults.user.requests.1m`; empty for the file as a whole.
    package let path: String
    /// What is wrong, and what was expected.
    package let sentence: String

    /// Control characters in `path` and `sentence` become `?`, and both are cut at 500 characters.
    package init(file: String, line: Int, path: String, sentence: String) {
        self.file = file
        self.line = line
        self.path = Self.printable(path)
        self.sentence = Self.printable(sentence)
    }

    /// Both quote the file, which may hold anything: one line each, of at most 500 characters.
    private static func printable(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(500) {
            scalars.append(scalar.properties.generalCategory == .control ? "?" : scalar)
        }
        return String(scalars) + (text.unicodeScalars.count > 500 ? "…" : "")
    }

    /// `tollgate.yaml:12: defaults.user.requests.1x: expected request, day, …`
    package var description: String {
        path.isEmpty ? "\(file):\(line): \(sentence)" : "\(file):\(line): \(path): \(sentence)"
    }
}

/// Everything that is wrong with a policy file, in the order of its lines.
package struct PolicyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Never empty.
    package let problems: [PolicyProblem]

    package init(problems: [PolicyProblem]) {
        self.problems = problems
    }

    /// One problem a line.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// One thing that is wrong with a policy file, or worth a warning.
public struct PolicyProblem: Sendable, Hashable, CustomStringConvertible {
    /// The file as it was named by whoever gave it.
    public let file: String
    /// From 1; for something written behind an alias, the line of the anchor.
    public let line: Int
    /// The keys that lead there, such as `defaults.user.requests.1m`; empty for the file as a whole.
    public let path: String
    /// What is wrong, and what was expected.
    public let sentence: String

    /// Control characters in `path` and `sentence` become `?`, and both are cut at 500 characters.
    public init(file: String, line: Int, path: String, sentence: String) {
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
    public var description: String {
        path.isEmpty ? "\(file):\(line): \(sentence)" : "\(file):\(line): \(path): \(sentence)"
    }
}

/// Everything that is wrong with a policy file, in the order of its lines.
public struct PolicyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Never empty.
    public let problems: [PolicyProblem]

    /// One problem a line.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

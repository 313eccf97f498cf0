/// The version of a Redis server. Tollgate needs 7.0 or later.
package struct RedisVersion: Sendable, Equatable, CustomStringConvertible {
    /// The oldest supported major version.
    static let oldestMajor = 7

    private let major: Int
    /// The version as Redis reports it, for example `7.0.15`.
    package let description: String

    /// Parses `7.0.15`. Returns nil where the text does not start with a number.
    init?(_ text: some StringProtocol) {
        guard let major = text.split(separator: ".").first.flatMap({ Int($0) }) else { return nil }
        self.major = major
        description = String(text)
    }

    /// Parses the reply to `INFO server`. Returns nil where it has no `redis_version`.
    init?(info: String) {
        let label = "redis_version:"
        guard let line = info.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix(label) }) else {
            return nil
        }
        self.init(line.dropFirst(label.count))
    }

    /// Parses the output of `redis-server --version`: `Redis server v=7.0.15 sha=00000000:0 …`.
    init?(programOutput: String) {
        let words = programOutput.split(whereSeparator: \.isWhitespace)
        guard let word = words.first(where: { $0.hasPrefix("v=") }) else { return nil }
        self.init(word.dropFirst(2))
    }

    /// Whether the version is older than Tollgate supports.
    package var isTooOld: Bool { major < Self.oldestMajor }
}

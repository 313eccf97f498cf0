/// The version of a Redis. Tollgate's scripts need 7.0 or later.
package struct RedisVersion: Sendable, Equatable, CustomStringConvertible {
    /// The oldest major version that can be used.
    static let oldestMajor = 7

    private let major: Int
    /// As Redis writes it: `7.0.15`.
    package let description: String

    /// Takes `7.0.15`. Nil where the text does not begin with a number.
    init?(_ text: some StringProtocol) {
        guard let major = text.split(separator: ".").first.flatMap({ Int($0) }) else { return nil }
        self.major = major
        description = String(text)
    }

    /// Takes the reply to `INFO server`. Nil where it has no `redis_version`.
    init?(info: String) {
        let label = "redis_version:"
        guard let line = info.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix(label) }) else {
            return nil
        }
        self.init(line.dropFirst(label.count))
    }

    /// Takes what `redis-server --version` prints: `Redis server v=7.0.15 sha=00000000:0 …`.
    init?(programOutput: String) {
        let words = programOutput.split(whereSeparator: \.isWhitespace)
        guard let word = words.first(where: { $0.hasPrefix("v=") }) else { return nil }
        self.init(word.dropFirst(2))
    }

    /// Whether Tollgate cannot work with it.
    package var isTooOld: Bool { major < Self.oldestMajor }
}

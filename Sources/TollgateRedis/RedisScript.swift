/// A Lua script and the name that Redis gives it.
public struct RedisScript: Sendable, Hashable {
    /// What the operator reads in messages.
    public let name: String
    /// The Lua text.
    public let source: String
    /// The SHA-1 of the source as 40 hexadecimal digits: what EVALSHA takes.
    public let sha: String

    /// Computes the script's SHA-1.
    public init(name: String, source: String) {
        self.name = name
        self.source = source
        sha = SHA1.hex(of: source)
    }
}

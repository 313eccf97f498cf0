package import NIOCore
import TollgateRedis

/// What a sidecar sends when it looks a scope up, each command for a `send` of its own on whichever link.
extension PolicyKeys {
    /// The most scopes of a kind that are remembered as seen.
    static let mostSeen = 10_000
    /// In seconds: 35 days.
    static let seenFor = 35 * 86_400

    /// Reads all that is stored of a scope; the reply goes to `StoredSettings.init(scope:reply:)`.
    package func lookup(of scope: String) -> ByteBuffer {
        Self.command("HGETALL", settings(of: scope))
    }

    /// Notes that scopes of one kind were looked up at a time of Redis's clock, Unix ms. The replies matter to nobody.
    package func seen(_ scopes: [String], kind: String, at now: Int64) -> [ByteBuffer] {
        let key = seen(kind)
        return [
            Self.command(["ZADD", key] + scopes.flatMap { [String(now), $0] }),
            Self.command("ZREMRANGEBYRANK", key, "0", "\(-Self.mostSeen - 1)"),
            Self.command("EXPIRE", key, "\(Self.seenFor)"),
        ]
    }

    private static func command(_ words: String...) -> ByteBuffer { command(words) }

    private static func command(_ words: [String]) -> ByteBuffer {
        var buffer = ByteBuffer()
        RedisCommand.encode(words, into: &buffer)
        return buffer
    }
}

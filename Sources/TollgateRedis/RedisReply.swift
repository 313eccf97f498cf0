package import NIOCore

/// A RESP2 reply. An error reply is a value like any other; the caller decides whether it is a failure.
package enum RedisReply: Sendable, Equatable {
    /// A simple string such as `OK`.
    case simple(String)
    /// An error, which starts with its code: `NOSCRIPT No matching script.`
    case error(String)
    /// An integer.
    case integer(Int64)
    /// A bulk string.
    case bulk(ByteBuffer)
    /// A null bulk string or a null array.
    case null
    /// An array of replies.
    case array([RedisReply])
}

package import NIOCore

/// One reply of Redis, as RESP2 knows them. An error reply is a value like the others: whether it is a failure is for
/// the asker to say.
package enum RedisReply: Sendable, Equatable {
    /// A status such as `OK`.
    case simple(String)
    /// The sentence of an error reply, which starts with its code: `NOSCRIPT No matching script.`
    case error(String)
    case integer(Int64)
    case bulk(ByteBuffer)
    /// A string or an array that is not there.
    case null
    case array([RedisReply])
}

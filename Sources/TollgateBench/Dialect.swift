import NIOCore

/// The protocol of a kind of target: encodes requests and decodes replies. Owned by one connection and confined to its
/// event loop.
protocol Dialect: SendableMetatype {
    /// Writes the handshake. Returns false if there is none.
    mutating func writeHandshake(into buffer: inout ByteBuffer) -> Bool

    mutating func write(_ call: Workload.Call, into buffer: inout ByteBuffer)

    /// Parses bytes and calls `onReply` for each complete reply to a request, but not for the handshake.
    ///
    /// Throws if the target rejects the handshake or speaks another protocol.
    mutating func read(_ bytes: ByteBuffer, _ onReply: (ReplyKind) -> Void) throws

    /// Whether the handshake is complete.
    var isReady: Bool { get }
}

/// The content of a reply.
enum ReplyKind: Equatable {
    case allow
    case deny
    case ok
    /// An ALLOW that was decided without Redis.
    case degraded
    /// An ERR with its code.
    case error(String)
}

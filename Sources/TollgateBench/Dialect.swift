import NIOCore

/// What one kind of target speaks: requests to bytes, bytes to replies. Owned by one connection and used on its event loop.
protocol Dialect: SendableMetatype {
    /// What has to be said before the first request. False when nothing has.
    mutating func writeGreeting(into buffer: inout ByteBuffer) -> Bool

    mutating func write(_ call: Workload.Call, into buffer: inout ByteBuffer)

    /// Takes bytes as they come; calls once a whole reply to a request, and says nothing of the greeting's.
    ///
    /// Throws when the target refuses the greeting or is not what it was taken for.
    mutating func read(_ bytes: ByteBuffer, _ onReply: (ReplyKind) -> Void) throws

    /// Whether the greeting has been answered.
    var isGreeted: Bool { get }
}

/// What a reply says.
enum ReplyKind: Equatable {
    case allow
    case deny
    case ok
    /// An ALLOW that was given without Redis.
    case degraded
    /// With its code.
    case error(String)
}

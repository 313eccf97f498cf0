/// What a ``FaultyProxy`` does to what passes through it.
enum ProxyFault: Sendable, Equatable {
    /// Passes everything on at once.
    case none
    /// Passes everything on, so much later.
    case delay(requests: Duration, replies: Duration)
    /// Lets so many more bytes of replies pass and closes the connection that the last of them went to; then all is well again.
    case cut(afterReplyBytes: Int)
    /// Takes connections and bytes, and passes nothing on.
    case swallowAll
    /// Passes requests on and no reply: what was asked for is done, and whoever asked never learns it.
    case swallowReplies
    /// Closes all connections and takes none.
    case refuse

    func swallows(_ direction: ProxyDirection) -> Bool {
        switch self {
        case .swallowAll: true
        case .swallowReplies: direction == .replies
        case .none, .delay, .cut, .refuse: false
        }
    }

    func delay(of direction: ProxyDirection) -> Duration {
        guard case .delay(let requests, let replies) = self else { return .zero }
        return direction == .requests ? requests : replies
    }
}

/// A way through the proxy: from the client to the server, or back.
enum ProxyDirection: Sendable {
    case requests
    case replies
}

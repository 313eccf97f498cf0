/// The fault of a ``FaultyProxy``.
enum ProxyFault: Sendable, Equatable {
    /// Forwards everything at once.
    case none
    /// Forwards everything after a delay.
    case delay(requests: Duration, replies: Duration)
    /// Forwards a number of further reply bytes, and closes the connection that gets the last of them; then the fault ends.
    case cut(afterReplyBytes: Int)
    /// Accepts connections and bytes, and forwards nothing.
    case swallowAll
    /// Forwards requests but no replies: requests are applied, and clients get no answer.
    case swallowReplies
    /// Closes all connections and accepts none.
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

/// A direction through the proxy: from the client to the server, or back.
enum ProxyDirection: Sendable {
    case requests
    case replies
}

/// What a link is doing.
package enum RedisLinkStatus: Sendable, Equatable, CustomStringConvertible {
    /// Not started.
    case idle
    /// On the way to its first connection, or back after one that went without a reason to name.
    case connecting
    /// Commands can be sent.
    case ready
    /// Without a connection and trying to get one.
    case down(reason: String)
    /// Redis does not let us in: the user, the password or their rights are wrong. Goes on trying.
    case refused(reason: String)
    /// Redis is of a version that cannot be used. Goes on trying.
    case unsupported(reason: String)
    /// Shut down for good.
    case closed

    /// In a few words, for reports.
    package var description: String {
        switch self {
        case .idle: "idle"
        case .connecting: "connecting"
        case .ready: "ready"
        case .down(let reason): "down: \(reason)"
        case .refused(let reason): "refused: \(reason)"
        case .unsupported(let reason): "unsupported: \(reason)"
        case .closed: "closed"
        }
    }
}

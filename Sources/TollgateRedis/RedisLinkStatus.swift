/// The status of a ``RedisLink``.
package enum RedisLinkStatus: Sendable, Equatable, CustomStringConvertible {
    /// Not started.
    case idle
    /// Connecting, with no failure to report yet.
    case connecting
    /// Connected. Commands can be sent.
    case ready
    /// Not connected and retrying.
    case down(reason: String)
    /// Redis rejects the login: the user, the password or their permissions are wrong. The link keeps retrying.
    case refused(reason: String)
    /// Redis cannot be used, for example because of its version. The link keeps retrying.
    case unsupported(reason: String)
    /// Shut down permanently.
    case closed

    /// A short text for reports.
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

/// A failure to get a reply, to parse an address or to run the embedded Redis. The description is for the operator.
///
/// An error that Redis itself returns is not a `RedisError` but a ``RedisReply``.
package enum RedisError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The link has no connection. The command was not sent.
    case notConnected
    /// The reply did not arrive by the deadline. Redis may have executed the command.
    case timedOut
    /// The connection ended before the reply arrived. Redis may have executed the command.
    case connectionLost(String)
    /// Redis sent bytes that are not RESP, or a reply over the size limit.
    case protocolBroken(String)
    /// The value of `--redis` is not a valid address.
    case badAddress(String)
    /// The embedded redis-server cannot be started.
    case embedded(String)

    /// A sentence for the operator.
    package var description: String {
        switch self {
        case .notConnected: "not connected to Redis"
        case .timedOut: "no reply from Redis within the deadline"
        case .connectionLost(let reason): "connection to Redis lost: \(reason)"
        case .protocolBroken(let reason): "invalid reply from Redis: \(reason)"
        case .badAddress(let sentence), .embedded(let sentence): sentence
        }
    }
}

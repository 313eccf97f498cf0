/// Why there is no reply, no address or no embedded Redis; the description is a sentence for the operator.
///
/// What Redis itself answers, errors included, is a ``RedisReply``.
package enum RedisError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is no connection: the command was not sent.
    case notConnected
    /// The reply did not arrive by the deadline: whether Redis carried the command out is unknown.
    case timedOut
    /// The connection ended before the reply came: whether Redis carried the command out is unknown.
    case connectionLost(String)
    /// What came is not RESP, or more than a reply may be.
    case protocolBroken(String)
    /// The text of `--redis` is not an address.
    case badAddress(String)
    /// The redis-server of our own cannot be started.
    case embedded(String)

    /// The sentence.
    package var description: String {
        switch self {
        case .notConnected: "not connected to Redis"
        case .timedOut: "no reply of Redis within the deadline"
        case .connectionLost(let reason): "connection to Redis lost: \(reason)"
        case .protocolBroken(let reason): "Redis sent what is not a reply: \(reason)"
        case .badAddress(let sentence), .embedded(let sentence): sentence
        }
    }
}

/// The rule by which idle connections are closed: `--idle-timeout`.
package enum IdleTimeout: Sendable, Equatable {
    /// A time for listeners that other hosts can reach. On the others, connections are kept unless others are being refused
    /// at the limit.
    case remoteListeners(Duration)
    /// The same time for all addresses.
    case after(Duration)
    /// No connection is closed because it is idle.
    case off

    /// The default.
    package static let standard = IdleTimeout.remoteListeners(.seconds(300))

    /// The timeout of connections to an address; nil for none.
    func time(on address: ListenAddress) -> Duration? {
        switch self {
        case .remoteListeners(let time): address.isLocal ? nil : time
        case .after(let time): time
        case .off: nil
        }
    }

    /// The timeout of all connections while others are refused at the limit; nil for none.
    var timeWhenFull: Duration? {
        switch self {
        case .remoteListeners(let time), .after(let time): time
        case .off: nil
        }
    }
}

/// The rule by which idle connections are closed: `--idle-timeout`.
package enum IdleTimeout: Sendable, Equatable {
    /// A time for clients of other hosts. Clients of this host keep their connections, unless others are being refused
    /// at the limit.
    case beyondThisHost(Duration)
    /// The same time for all addresses.
    case after(Duration)
    /// No connection is closed because it is idle.
    case off

    /// The default.
    package static let standard = IdleTimeout.beyondThisHost(.seconds(300))

    /// The timeout of connections to an address; nil for none.
    func time(on address: ListenAddress) -> Duration? {
        switch self {
        case .beyondThisHost(let time): address.isLocal ? nil : time
        case .after(let time): time
        case .off: nil
        }
    }

    /// The timeout of all connections while others are refused at the limit; nil for none.
    var timeWhenFull: Duration? {
        switch self {
        case .beyondThisHost(let time), .after(let time): time
        case .off: nil
        }
    }
}

import NIOCore
import NIOPosix

/// The address of a sidecar.
public enum TollgateAddress: Sendable, Hashable {
    case tcp(host: String, port: Int)
    case unix(path: String)

    /// A sidecar on this host with the default port.
    public static let local = TollgateAddress.tcp(host: "127.0.0.1", port: 7379)

    /// Parses `127.0.0.1:7379`, `[::1]:7379`, `localhost:7379` or `unix:/path`. Throws a `TollgateAddressError` that
    /// quotes the text.
    public init(parsing text: String) throws(TollgateAddressError) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard !path.isEmpty else { throw TollgateAddressError("\(text): expected a path after unix:") }
            self = .unix(path: path)
            return
        }
        if let scheme = text.firstRange(of: "://") {
            throw TollgateAddressError(
                "\(text): expected host:port or unix:PATH, without \(text[..<scheme.upperBound])")
        }
        guard let colon = text.lastIndex(of: ":") else {
            throw TollgateAddressError("\(text): expected host:port or unix:PATH")
        }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }), let port = Int(digits),
            (1...65_535).contains(port)
        else { throw TollgateAddressError("\(text): expected a port from 1 to 65535 after the colon") }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw TollgateAddressError("\(text): an IPv6 address is written in brackets, such as [::1]:7379")
        }
        guard !host.isEmpty else { throw TollgateAddressError("\(text): expected a host before the port") }
        self = .tcp(host: String(host), port: port)
    }
}

extension TollgateAddress: CustomStringConvertible {
    /// The text that `init(parsing:)` parses.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// An error sentence about an address.
public struct TollgateAddressError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text `address: what is expected`.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension ClientBootstrap {
    /// Opens a connection to a sidecar.
    func connect(to address: TollgateAddress) -> EventLoopFuture<any Channel> {
        switch address {
        case .tcp(let host, let port): connect(host: host, port: port)
        case .unix(let path): connect(unixDomainSocketPath: path)
        }
    }
}

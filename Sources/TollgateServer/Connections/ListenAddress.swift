package import TollgatePolicy

/// An address to listen on: `127.0.0.1:7379`, `[::1]:7379` or `unix:/run/tollgate.sock`.
package enum ListenAddress: Sendable, Hashable {
    case tcp(host: String, port: Int)
    case unix(path: String)

    /// Reads an address.
    ///
    /// - Throws: An `OperatorError` that names the option.
    package init(parsing text: String) throws(OperatorError) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard !path.isEmpty, path.utf8.count <= 107 else {
                throw OperatorError("--listen \(text): a Unix socket needs a path of 1 to 107 bytes")
            }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else {
            throw OperatorError("--listen \(text): expected host:port (port 0 to 65535) or unix:PATH")
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else {
            throw OperatorError(
                "--listen \(text): name the host, such as 127.0.0.1\(text) (0.0.0.0\(text) for every interface)")
        }
        self = .tcp(host: host, port: port)
    }

    /// Whether the system chooses the port.
    package var isAnyPort: Bool {
        if case .tcp(_, 0) = self { true } else { false }
    }

    /// Whether only this host can reach it.
    package var isLocal: Bool {
        switch self {
        case .unix: true
        case .tcp(let host, _): host == "localhost" || host == "::1" || Self.isLoopbackIPv4(host)
        }
    }

    private static func isLoopbackIPv4(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return parts.count == 4 && parts.allSatisfy { $0 != nil } && parts[0] == 127
    }
}

extension ListenAddress: CustomStringConvertible {
    /// As ``init(parsing:)`` reads it.
    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

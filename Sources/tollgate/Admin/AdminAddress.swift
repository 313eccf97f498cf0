import TollgatePolicy
import TollgateServer

/// The address of an admin API.
struct AdminAddress: Equatable {
    /// The base URL, such as `http://127.0.0.1:7380`.
    let base: String

    /// Whether the scheme is `https`.
    var isEncrypted: Bool { base.hasPrefix("https://") }

    /// Whether this is a Unix socket, which browsers cannot open.
    var isUnixSocket: Bool { base.hasPrefix("http+unix://") }

    /// The host and the port, without the scheme.
    var authority: Substring { base.firstRange(of: "://").map { base[$0.upperBound...] } ?? base[...] }

    /// Parses `host:port`, `unix:PATH`, or an `http://` or `https://` URL without a path. Throws an error that names
    /// the option.
    init(parsing text: String) throws {
        if text.hasPrefix("unix:") {
            let path = text.dropFirst("unix:".count)
            guard !path.isEmpty else { throw Self.problem(text) }
            base = "http+unix://\(AdminRequest.encoded(path, allowing: ""))"
            return
        }
        let scheme = ["http://", "https://"].first { text.hasPrefix($0) }
        var authority = text.dropFirst(scheme?.count ?? 0)
        if scheme != nil, authority.hasSuffix("/") { authority = authority.dropLast() }
        let isValid =
            !authority.isEmpty
            && authority.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
                default: ".-_:[]".utf8.contains(byte)
                }
            }
        guard isValid, scheme != nil || authority.contains(":") else { throw Self.problem(text) }
        base = (scheme ?? "http://") + authority
    }

    private static func problem(_ text: String) -> OperatorError {
        OperatorError("--admin \(text): expected host:port, http://host:port, https://host:port or unix:PATH")
    }
}

import Foundation

/// The URL of a receiver. It is often a secret, as Slack's are, and therefore prints as its host only.
package struct WebAddress: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
{
    /// The whole URL, for the request only. It must not be printed.
    package let text: String
    /// The host, such as `hooks.example.com`, with the port if the URL has one, such as `127.0.0.1:9093`.
    package let host: String
    /// Whether the URL has a query.
    package let hasQuery: Bool

    private static let maxLength = 2_048

    /// Parses a URL. Errors do not quote it.
    package init(parsing text: String) throws(WebAddressError) {
        guard (1...Self.maxLength).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            throw WebAddressError("expected a URL of up to \(Self.maxLength) ASCII characters without spaces")
        }
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            scheme == "http" || scheme == "https", let host = parts.host, !host.isEmpty
        else { throw WebAddressError("expected a URL such as https://hooks.example.com/path") }
        guard parts.user == nil, parts.password == nil else {
            throw WebAddressError("expected a URL without a user or a password")
        }
        guard parts.fragment == nil else { throw WebAddressError("expected a URL without #") }
        guard (1...65_535).contains(parts.port ?? 80) else { throw WebAddressError("expected a port from 1 to 65535") }
        self.text = text
        self.host = parts.port.map { "\(host):\($0)" } ?? host
        hasQuery = parts.query != nil
    }

    /// The host.
    package var description: String { host }
    /// The host.
    package var debugDescription: String { host }
    /// The host only, so that `dump` does not print the URL.
    package var customMirror: Mirror { Mirror(self, children: ["host": host]) }
}

/// A fault in a URL. The sentence does not quote the URL.
package struct WebAddressError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

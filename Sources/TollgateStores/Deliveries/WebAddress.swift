import Foundation

/// Where something is sent over HTTP. Often a secret in itself, as Slack's are: prints as its host and no more.
package struct WebAddress: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable
{
    /// The whole. For the request itself, and for nothing that people read.
    package let text: String
    /// `hooks.example.com`, or `127.0.0.1:9093` where a port is named.
    package let host: String
    /// Whether there is a `?`.
    package let hasQuery: Bool

    private static let longest = 2_048

    /// Throws a sentence that quotes nothing of the text.
    package init(parsing text: String) throws(WebAddressError) {
        guard (1...Self.longest).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw WebAddressError("expected a URL of up to \(Self.longest) ASCII characters without spaces")
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
    /// Nothing of the text.
    package var customMirror: Mirror { Mirror(self, children: ["host": host]) }
}

/// What is wrong with a URL: a sentence that quotes nothing of it.
package struct WebAddressError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

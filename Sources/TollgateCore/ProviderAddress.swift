/// The address of a provider's API, such as that of a proxy. The credential is sent to it.
package enum ProviderAddress {
    /// What is expected, for errors.
    package static let expectation =
        "expected https://host with a port and a path at most, without the /v1 of the provider's paths, or http:// for this host"

    /// Returns an address without slashes at its end; nil for one that is not allowed. It has no login and no query, so it
    /// can be printed.
    package static func checked(_ text: String) -> String? {
        guard let scheme = ["https://", "http://"].first(where: text.hasPrefix), text.utf8.count <= 2_048,
            text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !"?#@\\\"<>".utf8.contains($0) })
        else { return nil }
        var address = text[...]
        while address.last == "/" { address.removeLast() }
        let host = address.dropFirst(scheme.count).prefix { $0 != "/" }
        guard address.utf8.count > scheme.utf8.count, !host.isEmpty, !host.hasPrefix(":"), !host.hasSuffix(":"),
            scheme == "https://" || isThisHost(host), !address.hasSuffix("/v1")
        else { return nil }
        return String(address)
    }

    /// Whether an authority names this host, to which an address without TLS may lead.
    private static func isThisHost(_ authority: some StringProtocol) -> Bool {
        let name = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" } + ""
        let isLoopback = name.hasPrefix("127.") && name.utf8.allSatisfy { $0 == 0x2e || (0x30...0x39).contains($0) }
        return name == "localhost" || name == "[::1]" || isLoopback
    }
}

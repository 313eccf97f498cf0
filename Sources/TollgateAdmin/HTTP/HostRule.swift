import HTTPTypes
import Hummingbird
import TollgateServer

/// Decides by `Host` and `Origin` whether a request was meant for this API. This prevents DNS rebinding: a web page can
/// make a browser send requests to any address, also under a host name that it controls. It cannot choose these two
/// headers.
struct HostRule: Sendable {
    /// The kind of address that the API listens on.
    private enum Reach {
        /// A Unix socket, which browsers cannot reach.
        case unix
        /// Loopback: only names of this machine are accepted.
        case loopback
        /// Other addresses: a web page cannot point a name elsewhere.
        case network
    }

    private let reach: Reach
    /// The accepted names, in lower case.
    private let names: Set<String>
    /// The names that were configured. Pages of these hosts may also send requests, because a proxy may have changed
    /// `Host`.
    private let givenNames: Set<String>

    /// Creates the rule.
    ///
    /// - Parameters:
    ///   - address: The address of the API.
    ///   - names: Additional host names, such as that of a proxy.
    init(_ address: ListenAddress, names: [String]) {
        givenNames = Set(names.map { $0.lowercased() })
        var standardNames: Set<String> = ["localhost"]
        switch address {
        case .unix: reach = .unix
        case .tcp(let host, _):
            reach = address.isLocal ? .loopback : .network
            standardNames.formUnion(["127.0.0.1", "[::1]", (host.contains(":") ? "[\(host)]" : host).lowercased()])
        }
        self.names = standardNames.union(givenNames)
    }

    private static let furtherHost = HTTPField.Name("Host")

    /// Returns an error sentence about the request's headers, or nil if they are accepted.
    func fault(of request: HTTPRequest) -> String? {
        // The first `Host` is the authority.
        guard Self.furtherHost.map({ request.headerFields[$0] == nil }) ?? true else { return "Host: duplicate header" }
        guard let text = request.authority, !text.isEmpty else { return reach == .unix ? nil : "Host: is missing" }
        guard let host = HostName(text) else { return "Host: expected a name or an address, and a port" }
        if reach == .unix { return nil }
        guard isOurs(host) else {
            return "Host: \(text.prefix(64)) is not a host name of this API; add one with --admin-host"
        }
        let origins = request.headerFields[values: .origin]
        guard origins.allSatisfy({ isOurs(origin: $0, host: text) }), origins.count <= 1 else {
            return "Origin: pages of another origin may not use this API; add a proxy's name with --admin-host"
        }
        return nil
    }

    private func isOurs(_ host: HostName) -> Bool {
        names.contains(host.name) || (reach == .network && host.isAddress)
    }

    private func isOurs(origin: String, host: String) -> Bool {
        for scheme in ["http://", "https://"] where origin.hasPrefix(scheme) {
            let rest = origin.dropFirst(scheme.count)
            return rest.lowercased() == host.lowercased() || HostName(rest).map { givenNames.contains($0.name) } == true
        }
        return false
    }
}

/// A host and a port, as in `Host`.
struct HostName: Equatable {
    /// The host in lower case. An IPv6 address is in brackets.
    let name: String
    let isAddress: Bool

    /// Parses `name`, `name:port`, or an address with or without a port. Returns nil for anything else.
    init?(_ text: some StringProtocol) {
        let text = text.lowercased()
        let end = text.hasPrefix("[") ? text.firstIndex(of: "]").map(text.index(after:)) : text.firstIndex(of: ":")
        if text.hasPrefix("["), end == nil { return nil }
        let rest = text[(end ?? text.endIndex)...]
        guard rest.isEmpty || rest.first == ":", rest.dropFirst().allSatisfy({ ("0"..."9").contains($0) }),
            rest.utf8.count <= 6
        else { return nil }
        name = String(text[..<(end ?? text.endIndex)])
        if name.hasPrefix("[") {
            isAddress = true
            guard name.dropFirst().dropLast().utf8.allSatisfy({ Self.hexadecimal.contains($0) }), name.utf8.count > 3
            else { return nil }
        } else {
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            isAddress = parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
            guard (1...253).contains(name.utf8.count), name.utf8.allSatisfy(Self.letters.contains) else { return nil }
        }
    }

    private static let letters = Set("abcdefghijklmnopqrstuvwxyz0123456789-._".utf8)
    private static let hexadecimal = Set("0123456789abcdef:.".utf8)
}

/// Rejects requests that were not meant for this API, and paths that are not in normal form.
struct HostMiddleware: RouterMiddleware {
    let rule: HostRule

    func handle(
        _ request: Request, context: AdminContext, next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        if let fault = rule.fault(of: request.head) { throw Problem.badRequest(fault) }
        // The router accepts `//v1//tiers` and `/v1/tiers/` as `/v1/tiers`. A proxy that restricts paths may not.
        let path = request.uri.path
        if path != "/", path.hasSuffix("/") || path.contains("//") { throw HTTPError(.notFound) }
        return try await next(request, context)
    }
}

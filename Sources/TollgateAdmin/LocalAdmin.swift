import Foundation
package import HTTPTypes
package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import Synchronization
import TollgatePolicy
package import TollgateServer

/// The admin API for pages that this process serves: they sign in users, and act for them through the API's own routes.
/// Usable from any task.
package struct LocalAdmin: Sendable {
    package let server: Sidecar
    /// The path of the policy file.
    package let policyFile: String
    /// The address that the admin API was to bind.
    package let address: ListenAddress
    let routes: [Route]
    let codes: SignInCodes
    let authenticator: Authenticator
    package let logger: Logger

    // MARK: - Signing in

    /// Returns the bearer of a token. Throws a `Problem` if the token is not accepted, and after too many wrong ones
    /// from an address.
    package func signIn(token: String, from address: String) async throws(Problem) -> Identity {
        try await authenticator.authenticate(token: token, address)
    }

    /// Returns the identity of a one-time code, which is no longer valid afterwards. Returns nil if the code is unknown,
    /// used or expired, or if the token that created it is no longer accepted.
    package func signIn(code: String) -> Identity? { codes.redeem(code).flatMap { accepts($0) ? $0 : nil } }

    /// Whether the token or JWT by which a user has signed in is still accepted: a reload can remove or change a token, or
    /// the key of the JWT.
    package func accepts(_ identity: Identity) -> Bool { authenticator.accepts(identity) }

    // MARK: - Calls

    /// A user on whose behalf a page calls the API.
    package struct Caller: Sendable {
        package var identity: Identity
        /// The address of the browser, for the audit log.
        package var address: String
        /// The warnings of the responses to this caller.
        let warnings: CallWarnings

        package init(_ identity: Identity, from address: String, warnings: CallWarnings) {
            self.identity = identity
            self.address = address
            self.warnings = warnings
        }
    }

    /// The successful response to a call.
    package struct Reply: Sendable {
        /// The body as JSON, or null if it has another type.
        package var value: JSONValue
        /// The body, such as a table in CSV.
        package var text: String
    }

    /// Calls a route of the API with the permissions of the caller, as a request over HTTP would.
    ///
    /// - Parameters:
    ///   - path: The path with a query, percent-encoded: `/v1/scopes/user%3Aalice/limits`.
    ///   - body: The body as JSON.
    ///   - text: The body as it is, for routes that take another format.
    ///   - version: The version that the resource must have, or 0 if it must not exist. Nil for no precondition.
    /// - Throws: `Problem`.
    package func send(
        _ method: HTTPRequest.Method, _ path: String, body: (any Encodable)? = nil, text: String? = nil,
        ifMatch version: Int64? = nil, as caller: Caller
    ) async throws(Problem) -> Reply {
        var head = HTTPRequest(method: method, scheme: nil, authority: nil, path: path)
        var bytes = ByteBuffer()
        if let version { head.headerFields[.ifMatch] = ETag.text(version) }
        if let text { bytes.writeString(text) }
        if let body {
            head.headerFields[.contentType] = "application/json"
            guard let json = try? CanonicalJSON.text(body) else { throw Problem(.internal, "body: not encodable") }
            bytes.writeString(json)
        }
        let request = Request(head: head, body: RequestBody(buffer: bytes))
        let path = request.uri.path
        guard let route = routes.first(where: { $0.method == method && $0.matches(path: path) }) else {
            throw .notFound("\(method) \(path): no such route")
        }
        guard caller.identity.role.allows(route.permission) else {
            throw Problem(.forbidden, "this is not allowed for the role \(caller.identity.role.rawValue)")
        }
        let admitted = AdminRequest(
            request: request, parameters: route.parameters(of: path), identity: caller.identity,
            address: caller.address, channel: nil)
        let response = try await route.respond(to: admitted, logger)
        let received = await response.bytes
        let value = try? JSONValue(parsing: Data(received.readableBytesView))
        caller.warnings.add(value?.members?["warnings"]?.items?.compactMap(\.text) ?? [])
        return Reply(value: value ?? .null, text: String(buffer: received))
    }
}

/// The pages that a process serves to browsers beside the API.
package struct BrowserPages: Sendable {
    /// The routes of the pages, which authenticate their requests themselves.
    package var routes: [Route]
    /// Returns the page about a request that no route serves.
    package var problemPage: @Sendable (Problem, AdminRequest) async -> Response

    package init(
        routes: [Route], problemPage: @escaping @Sendable (Problem, AdminRequest) async -> Response
    ) {
        self.routes = routes
        self.problemPage = problemPage
    }
}

/// Collects the warnings of the API's responses, such as that a new limit denies nothing. Usable from any task.
package final class CallWarnings: Sendable {
    private let collected = Mutex<[String]>([])

    package init() {}

    /// The sentences, in the order of the calls.
    package var sentences: [String] { collected.withLock { $0 } }

    func add(_ sentences: [String]) {
        collected.withLock { $0 += sentences }
    }
}

extension Route {
    /// Returns the parameters of a path that matches this route, still percent-encoded.
    fileprivate func parameters(of path: String) -> Parameters {
        let words = path.split(separator: "/", omittingEmptySubsequences: false)
        let names = self.path.split(separator: "/", omittingEmptySubsequences: false)
        let pairs = zip(names, words).filter { $0.0.hasPrefix("{") }
        return Parameters(pairs.map { (key: $0.dropFirst().dropLast(), value: $1) })
    }
}

extension Response {
    /// The whole body.
    fileprivate var bytes: ByteBuffer {
        get async {
            let collector = BodyCollector()
            try? await body.write(collector)
            return collector.bytes.withLock { $0 }
        }
    }
}

/// Collects the parts of a response body.
private final class BodyCollector: ResponseBodyWriter {
    let bytes = Mutex(ByteBuffer())

    func write(_ buffer: ByteBuffer) {
        bytes.withLock { _ = $0.writeImmutableBuffer(buffer) }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) {}
}

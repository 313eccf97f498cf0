import HTTPTypes
import Logging
import TollgateServer

/// Authenticates and authorizes requests. Usable from any task.
final class Authenticator: Sendable {
    private let access: ActiveAccess
    private let failures: ClientFailures
    /// Whether metrics are open, because only this host can reach the listener.
    private let opensMetrics: Bool

    /// - Parameters:
    ///   - opensMetrics: Whether metrics need no token.
    ///   - name: The name of the listener in the log.
    init(_ access: ActiveAccess, opensMetrics: Bool = false, name: String = "admin API", logger: Logger) {
        self.opensMetrics = opensMetrics
        self.access = access
        failures = .wrongTokens(at: name, logger: logger)
    }

    /// Authenticates the sender of a request to a route. Returns nil if the route is open. Throws a `Problem` if access
    /// is denied.
    func authenticate(_ authorization: String?, _ address: String, _ route: Route) async throws(Problem) -> Identity? {
        guard route.permission != .open else { return nil }
        if route.permission == .metrics, opensMetrics, authorization == nil { return nil }
        guard let token = Self.bearerToken(authorization) else {
            throw Self.unauthenticated("expected Authorization: Bearer TOKEN")
        }
        let identity = try await authenticate(token: token, address)
        guard identity.role.allows(route.permission) else {
            throw Problem(
                .forbidden, "\(route.method) \(route.path) is not allowed for the role \(identity.role.rawValue)")
        }
        return identity
    }

    /// Returns the bearer of a token. Throws a `Problem` if the token is not accepted, and after too many wrong ones.
    func authenticate(token: String, _ address: String) async throws(Problem) -> Identity {
        guard let identity = await identity(of: token) else { throw refusal(address) }
        return identity
    }

    /// Whether the token by which a user was identified is still in force.
    func accepts(_ identity: Identity) -> Bool { access.grants(identity) }

    private static func bearerToken(_ authorization: String?) -> String? {
        guard let words = authorization?.split(separator: " ", maxSplits: 1), words.count == 2,
            words[0].lowercased() == "bearer"
        else { return nil }
        return String(words[1])
    }

    private func identity(of token: String) async -> Identity? {
        guard token.utf8.count <= AccessSettings.Token.maxLength else { return nil }
        let bytes = Array(token.utf8)
        // One set of tokens, although a reload may replace them meanwhile.
        let snapshot = access.snapshot
        var found: ActiveAccess.Snapshot.Token?
        // Compares all tokens, so that the duration reveals nothing about which one matches.
        for token in snapshot.tokens where ConstantTime.areEqual(bytes, token.secret) { found = token }
        if let found { return found.identity }
        guard let verifier = snapshot.verifier, TokenVerifier.isJWT(token) else { return nil }
        return await verifier.identity(of: token)
    }

    private func refusal(_ address: String) -> Problem {
        guard let wait = failures.note(from: address) else {
            return Self.unauthenticated("the token is invalid or has expired")
        }
        return Self.tooMany(wait)
    }

    private static func unauthenticated(_ detail: String) -> Problem {
        var problem = Problem(.unauthenticated, detail)
        problem.headers[.wwwAuthenticate] = "Bearer"
        return problem
    }

    private static func tooMany(_ wait: Int) -> Problem {
        var problem = Problem(.tooManyFailures, "more than \(ClientFailures.maxWrongTokens) wrong tokens in a minute")
        problem.headers[.retryAfter] = "\(wait)"
        return problem
    }
}

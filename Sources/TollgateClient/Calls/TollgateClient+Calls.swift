import NIOCore
public import TollgateCore
import TollgateWire

extension TollgateClient {
    /// Decides whether a call may proceed, and counts it if so. `amounts.requests` defaults to 1.
    ///
    /// - Parameters:
    ///   - scopes: At most 16 scopes of distinct kinds.
    ///   - amounts: The amounts that the call will use. Cost is in nano-units.
    ///   - roles: The user's roles, which select a tier.
    ///   - email: The user's email address, which selects a tier.
    /// - Throws: `TollgateClientError`, or `CancellationError` if the task is cancelled.
    public func check(
        _ scopes: [Scope.Part], amounts: Amounts = Amounts(), roles: [String] = [], email: String? = nil
    ) async throws -> Decision {
        try await decide(ScopedRequest(scopes, amounts, roles: roles, email: email).line(.check))
    }

    /// Decides whether a call may proceed, and counts it if so. See `check(_:amounts:roles:email:)`, which takes a
    /// list.
    public func check(
        _ scopes: Scope.Part..., amounts: Amounts = Amounts(), roles: [String] = [], email: String? = nil
    ) async throws -> Decision {
        try await check(scopes, amounts: amounts, roles: roles, email: email)
    }

    /// Returns the decision that `check` would make now, without counting.
    public func peek(
        _ scopes: [Scope.Part], amounts: Amounts = Amounts(), roles: [String] = [], email: String? = nil
    ) async throws -> Decision {
        try await decide(ScopedRequest(scopes, amounts, roles: roles, email: email).line(.peek))
    }

    /// Returns the decision that `check` would make now, without counting.
    public func peek(
        _ scopes: Scope.Part..., amounts: Amounts = Amounts(), roles: [String] = [], email: String? = nil
    ) async throws -> Decision {
        try await peek(scopes, amounts: amounts, roles: roles, email: email)
    }

    /// Returns the usage of a scope under each of its limits.
    public func usage(_ scope: Scope, roles: [String] = [], email: String? = nil) async throws -> Usage {
        let request = try ScopedRequest([], Amounts(), roles: roles, email: email).usageLine(of: scope)
        let reply = try await reply(to: request)
        guard case .json(let json) = reply, let usage = try? Usage.decode(json) else { throw unexpected(reply) }
        return usage
    }

    /// Returns the usage of a scope under each of its limits. Several parts name their composite scope.
    public func usage(_ parts: Scope.Part..., roles: [String] = [], email: String? = nil) async throws -> Usage {
        let scope: Scope
        do throws(ScopeError) {
            scope = try Scope(parts: parts)
        } catch {
            throw TollgateClientError.refused(code: "bad_request", sentence: error.description)
        }
        return try await usage(scope, roles: roles, email: email)
    }

    /// Sends a PING and waits for the PONG.
    public func ping() async throws {
        var request = ByteBuffer()
        RequestWriter.write(.ping, to: &request)
        let reply = try await reply(to: request)
        guard reply == .pong else { throw unexpected(reply) }
    }

    /// Sends a request for a decision. Applies `onUnavailable` if the sidecar makes none.
    func decide(_ line: ByteBuffer) async throws -> Decision {
        do {
            let reply = try await reply(to: line)
            guard case .decision(let decision) = reply else { throw unexpected(reply) }
            return decision
        } catch let error as TollgateClientError where error.isMissingDecision {
            guard let decision = onUnavailable.decision else { throw error }
            return decision
        }
    }
}

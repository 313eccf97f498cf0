import NIOCore
public import TollgateCore
import TollgateWire

extension TollgateClient {
    /// Asks whether a call may go ahead, and if so counts it. `amounts.requests` is 1 where nothing is said.
    ///
    /// - Parameters:
    ///   - scopes: At most 16, each of another kind.
    ///   - amounts: What the call will take. Cost is in nano-units.
    ///   - roles: Of the user, for the choice of a tier.
    ///   - email: Of the user, for the choice of a tier.
    /// - Throws: `TollgateClientError`; or `CancellationError` when the task is cancelled.
    public func check(
        _ scopes: [Scope.Part], amounts: Amounts = Amounts(), roles: [String] = [], email: String? = nil
    ) async throws -> Decision {
        try await decide(ScopedRequest(scopes, amounts, roles: roles, email: email).line(.check))
    }

    /// Asks whether a call may go ahead, and if so counts it. See `check(_:amounts:roles:email:)`, which takes a list.
    public func check(
        _ scopes: Scope.Part..., amounts: Amounts = Amounts(), roles: [String] = [], email: String? = nil
    ) async throws -> Decision {
        try await check(scopes, amounts: amounts, roles: roles, email: email)
    }

    /// The decision that `check` would make now; counts nothing.
    public func peek(
        _ scopes: [Scope.Part], amounts: Amounts = Amounts(), roles: [String] = [], email: String? = nil
    ) async throws -> Decision {
        try await decide(ScopedRequest(scopes, amounts, roles: roles, email: email).line(.peek))
    }

    /// The decision that `check` would make now; counts nothing.
    public func peek(
        _ scopes: Scope.Part..., amounts: Amounts = Amounts(), roles: [String] = [], email: String? = nil
    ) async throws -> Decision {
        try await peek(scopes, amounts: amounts, roles: roles, email: email)
    }

    /// How much of each of its limits a scope has used.
    public func usage(_ scope: Scope, roles: [String] = [], email: String? = nil) async throws -> Usage {
        let request = try ScopedRequest([], Amounts(), roles: roles, email: email).usageLine(of: scope)
        let reply = try await reply(to: request)
        guard case .json(let json) = reply, let usage = try? Usage.decode(json) else { throw unexpected(reply) }
        return usage
    }

    /// How much of each of its limits a scope has used; of several parts, their composite scope.
    public func usage(_ parts: Scope.Part..., roles: [String] = [], email: String? = nil) async throws -> Usage {
        let scope: Scope
        do throws(ScopeError) {
            scope = try Scope(parts: parts)
        } catch {
            throw TollgateClientError.refused(code: "bad_request", sentence: error.description)
        }
        return try await usage(scope, roles: roles, email: email)
    }

    /// Asks for a sign of life.
    public func ping() async throws {
        var request = ByteBuffer()
        RequestWriter.write(.ping, to: &request)
        let reply = try await reply(to: request)
        guard reply == .pong else { throw unexpected(reply) }
    }

    /// Sends the line of a request for a decision. Where the sidecar does not decide, the client's rule does.
    func decide(_ line: ByteBuffer) async throws -> Decision {
        do {
            let reply = try await reply(to: line)
            guard case .decision(let decision) = reply else { throw unexpected(reply) }
            return decision
        } catch let error as TollgateClientError where error.isLackOfAnswer {
            guard let decision = onUnavailable.decision else { throw error }
            return decision
        }
    }
}

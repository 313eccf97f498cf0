import Foundation
public import TollgateCore
import TollgateWire

/// What was used without a reservation. Every call has an id, and the sidecar counts an id once within 24 hours: so a call
/// that gets no answer is repeated by itself, up to four times in some seconds, and still counts once.
extension TollgateClient {
    /// Adds what was really used, whatever the limits say.
    ///
    /// - Parameters:
    ///   - scopes: 1 … 16, each of another kind.
    ///   - amounts: Names at least one. Cost is in nano-units. Counts no request unless it says so.
    ///   - id: 1 … 128 bytes; tells this usage from all other of the first scope. A random one unless given: give one
    ///     where you may have to call again, after an error or a restart, and name the scopes in the same order then.
    ///   - roles: Of the user, for the choice of a tier.
    ///   - email: Of the user, for the choice of a tier.
    /// - Throws: `TollgateClientError`; or `CancellationError` when the task is cancelled. The sidecar may have counted it
    ///   all the same, but for `refused`.
    @discardableResult
    public func record(
        _ scopes: [Scope.Part], amounts: Amounts, id: String? = nil, roles: [String] = [], email: String? = nil
    ) async throws -> Receipt {
        let request = ScopedRequest(scopes, amounts, roles: roles, email: email)
        return try await receipt(for: request.line(.record, id: id ?? UUID().uuidString))
    }

    /// Adds what was really used, whatever the limits say. See `record(_:amounts:id:roles:email:)`, which takes a list.
    @discardableResult
    public func record(
        _ scopes: Scope.Part..., amounts: Amounts, id: String? = nil, roles: [String] = [], email: String? = nil
    ) async throws -> Receipt {
        try await record(scopes, amounts: amounts, id: id, roles: roles, email: email)
    }

    /// Takes back what was recorded or counted; no counter goes below zero. What it is given and throws is as for `record`;
    /// an id of `record` is another than the same of `refund`.
    @discardableResult
    public func refund(
        _ scopes: [Scope.Part], amounts: Amounts, id: String? = nil, roles: [String] = [], email: String? = nil
    ) async throws -> Receipt {
        let request = ScopedRequest(scopes, amounts, roles: roles, email: email)
        return try await receipt(for: request.line(.refund, id: id ?? UUID().uuidString))
    }

    /// Takes back what was recorded or counted. See `refund(_:amounts:id:roles:email:)`, which takes a list.
    @discardableResult
    public func refund(
        _ scopes: Scope.Part..., amounts: Amounts, id: String? = nil, roles: [String] = [], email: String? = nil
    ) async throws -> Receipt {
        try await refund(scopes, amounts: amounts, id: id, roles: roles, email: email)
    }
}

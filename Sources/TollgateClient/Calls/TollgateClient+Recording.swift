import Foundation
public import TollgateCore
import TollgateWire

/// Usage without a reservation. Every request has an id, and the sidecar counts an id once within 24 hours. The client
/// therefore retries a request without a reply, up to four attempts within a few seconds.
extension TollgateClient {
    /// Adds actual usage, regardless of limits.
    ///
    /// - Parameters:
    ///   - scopes: 1 … 16 scopes of distinct kinds.
    ///   - amounts: At least one amount. Cost is in nano-units. `requests` defaults to 0.
    ///   - id: The idempotency key, 1 … 128 bytes, unique per first scope. Defaults to a random one. Pass one if you
    ///     may have to repeat the call after an error or a restart, and keep the order of scopes.
    ///   - roles: The user's roles, which select a tier.
    ///   - email: The user's email address, which selects a tier.
    /// - Throws: `TollgateClientError`, or `CancellationError` if the task is cancelled. After any error but `refused`,
    ///   the sidecar may have counted the usage.
    @discardableResult
    public func record(
        _ scopes: [Scope.Part], amounts: Amounts, id: String? = nil, roles: [String] = [], email: String? = nil
    ) async throws -> Receipt {
        let request = ScopedRequest(scopes, amounts, roles: roles, email: email)
        return try await receipt(for: request.line(.record, id: id ?? UUID().uuidString))
    }

    /// Adds actual usage, regardless of limits. See `record(_:amounts:id:roles:email:)`, which takes a list.
    @discardableResult
    public func record(
        _ scopes: Scope.Part..., amounts: Amounts, id: String? = nil, roles: [String] = [], email: String? = nil
    ) async throws -> Receipt {
        try await record(scopes, amounts: amounts, id: id, roles: roles, email: email)
    }

    /// Subtracts usage that was recorded or counted. No counter goes below zero. Parameters and errors are those of
    /// `record`. The idempotency keys of `record` and `refund` are independent.
    @discardableResult
    public func refund(
        _ scopes: [Scope.Part], amounts: Amounts, id: String? = nil, roles: [String] = [], email: String? = nil
    ) async throws -> Receipt {
        let request = ScopedRequest(scopes, amounts, roles: roles, email: email)
        return try await receipt(for: request.line(.refund, id: id ?? UUID().uuidString))
    }

    /// Subtracts usage that was recorded or counted. See `refund(_:amounts:id:roles:email:)`, which takes a list.
    @discardableResult
    public func refund(
        _ scopes: Scope.Part..., amounts: Amounts, id: String? = nil, roles: [String] = [], email: String? = nil
    ) async throws -> Receipt {
        try await refund(scopes, amounts: amounts, id: id, roles: roles, email: email)
    }
}

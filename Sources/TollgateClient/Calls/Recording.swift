import NIOCore
public import TollgateCore
package import TollgateWire

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
        return try await receipt(for: request.line(.record, id: id ?? IdempotencyKey.random()))
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
        return try await receipt(for: request.line(.refund, id: id ?? IdempotencyKey.random()))
    }

    /// Subtracts usage that was recorded or counted. See `refund(_:amounts:id:roles:email:)`, which takes a list.
    @discardableResult
    public func refund(
        _ scopes: Scope.Part..., amounts: Amounts, id: String? = nil, roles: [String] = [], email: String? = nil
    ) async throws -> Receipt {
        try await refund(scopes, amounts: amounts, id: id, roles: roles, email: email)
    }
}

/// The sidecar's acknowledgement of a COMMIT, CANCEL, RECORD or REFUND.
public struct Receipt: Sendable, Hashable {
    /// Whether the reservation had already expired. The request was applied nevertheless.
    public let isLate: Bool
    /// Whether the request had been applied before, so that it changed nothing now. The first time may have been a lost
    /// attempt of this same call.
    public let isDuplicate: Bool
    /// Whether the sidecar has journaled the request on disk, to apply it when Redis is back.
    public let isQueued: Bool
    /// The cost that the sidecar computed by its prices and counted; nil if the request named a cost, or nothing in it
    /// has a known price.
    public let cost: Quantity?
    /// Whether the price of the model, or of an item of the request, is not known.
    public let hasUnknownPrice: Bool
    /// The limits that are past a threshold after this request. Empty if it counted nothing.
    public let warnings: [LimitWarning]

    /// Reads the fields that follow `OK`. Missing fields are false or empty.
    package init(_ fields: [Reply.Field] = []) {
        func isSet(_ key: String) -> Bool { fields.contains { $0.key == key && $0.value == "1" } }
        isLate = isSet("late")
        isDuplicate = isSet("duplicate")
        isQueued = isSet("queued")
        func value(_ key: String) -> String? { fields.first { $0.key == key }?.value }
        cost = value("cost").map { Quantity($0) }
        hasUnknownPrice = value("price") == "unknown"
        warnings = fields.first { $0.key == "warn" }.map { ReplyParser.warnings(in: $0.value) } ?? []
    }
}

/// The retry schedule of idempotent requests. Pure.
enum Retry {
    static let maxAttempts = 4

    /// Returns the delay after a failed attempt, counted from 1: 100 ms, 400 ms, 1.6 s, each ±25 %. A restarting
    /// sidecar is back by then. The link's own backoff is at most 1.25 s, so it does not use up all attempts.
    ///
    /// - Parameter jitter: 0.75 … 1.25.
    static func wait(after attempt: Int, jitter: Double) -> Duration {
        .milliseconds(100 << (2 * (attempt - 1))) * jitter
    }
}

extension TollgateClient {
    /// Sends an idempotent request, with up to four attempts. Each attempt has the client's deadline.
    ///
    /// Throws the last `TollgateClientError`, or `CancellationError` if the task is cancelled.
    func receipt(for line: ByteBuffer) async throws -> Receipt {
        var attempt = 1
        while true {
            do {
                let reply = try await reply(to: line)
                guard case .ok(let fields) = reply else { throw unexpected(reply) }
                return Receipt(fields)
            } catch let error as TollgateClientError where error.isTransient && attempt < Retry.maxAttempts {
                try await Task.sleep(for: Retry.wait(after: attempt, jitter: .random(in: 0.75...1.25)))
                attempt += 1
            }
        }
    }
}

/// The random ids of requests for which callers give none.
enum IdempotencyKey {
    /// Returns 128 random bits in hexadecimal.
    static func random() -> String {
        let halves = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }
        return halves.map { String(repeating: "0", count: 16 - $0.utf8.count) + $0 }.joined()
    }
}

public import TollgateCore

extension TollgateClient {
    /// Makes a call within its limits: reserves, runs the closure, and commits the usage that it returns.
    ///
    /// If the closure throws, including on cancellation, the reservation is cancelled and nothing is charged. If it
    /// returns, its usage is committed even if the task has been cancelled meanwhile.
    ///
    ///     let page = try await client.guarded(.user("alice"), .tool("search"), amounts: Amounts(tokens: 2_000)) { _ in
    ///         let answer = try await search("swift")
    ///         return (answer.page, Amounts(tokens: answer.tokens))
    ///     }
    ///
    /// - Parameters:
    ///   - scopes: At most 16 scopes of distinct kinds.
    ///   - amounts: The maximum that the call may use. Cost is in nano-units.
    ///   - timeToLive: 1 s … 24 h, rounded up to whole seconds. A call that lasts longer is still charged, but its
    ///     amounts are no longer held after that time.
    ///   - onExpiry: What happens to held tokens and cost if the process ends during the call: `.charge` makes them
    ///     usage, `.release` does not. Nil leaves it to the limits.
    ///   - roles: The user's roles, which select a tier.
    ///   - email: The user's email address, which selects a tier.
    ///   - isolation: The caller's actor, on which the closure runs.
    ///   - body: Makes the call, and returns its result and its actual usage. A call that fails but costs something
    ///     should return the failure, for example as a `Result`, with its usage.
    /// - Throws: The errors of `reserve`, in particular `OverLimit`, and the closure's errors. `UncommittedUsage`,
    ///   which carries the result, if the usage cannot be committed. A failed cancel is ignored, because the
    ///   reservation expires.
    public func guarded<Value: Sendable>(
        _ scopes: [Scope.Part], amounts: Amounts = Amounts(), timeToLive: Duration = .seconds(60),
        onExpiry: ExpiryRule? = nil, roles: [String] = [], email: String? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (Reservation) async throws -> (Value, Amounts)
    ) async throws -> Value {
        let reservation = try await reserve(
            scopes, amounts: amounts, timeToLive: timeToLive, onExpiry: onExpiry, roles: roles, email: email)
        let value: Value
        let used: Amounts
        do {
            (value, used) = try await body(reservation)
        } catch {
            _ = try? await cancel(reservation)
            throw error
        }
        do {
            try await commit(reservation, amounts: used)
        } catch {
            throw UncommittedUsage(value: value, amounts: used, reservation: reservation, cause: error)
        }
        return value
    }

    /// Makes a call within its limits. See `guarded(_:amounts:timeToLive:onExpiry:roles:email:isolation:_:)`, which takes a
    /// list.
    public func guarded<Value: Sendable>(
        _ scopes: Scope.Part..., amounts: Amounts = Amounts(), timeToLive: Duration = .seconds(60),
        onExpiry: ExpiryRule? = nil, roles: [String] = [], email: String? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (Reservation) async throws -> (Value, Amounts)
    ) async throws -> Value {
        try await guarded(
            scopes, amounts: amounts, timeToLive: timeToLive, onExpiry: onExpiry, roles: roles, email: email,
            isolation: isolation, body)
    }
}

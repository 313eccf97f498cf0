public import TollgateCore

extension TollgateClient {
    /// Makes a call within its limits: reserves, runs the closure, and commits what it reports. When the closure throws, a
    /// cancelled task included, the reservation is cancelled, and nothing is charged. Once it returns, its usage is
    /// committed even if the task has been cancelled meanwhile.
    ///
    ///     let page = try await client.guarded(.user("alice"), .tool("search"), amounts: Amounts(tokens: 2_000)) { _ in
    ///         let answer = try await search("swift")
    ///         return (answer.page, Amounts(tokens: answer.tokens))
    ///     }
    ///
    /// - Parameters:
    ///   - scopes: At most 16, each of another kind.
    ///   - amounts: The most that the call may take. Cost is in nano-units.
    ///   - timeToLive: 1 s … 24 h, in whole seconds; a fraction counts as a whole one. A call that lasts longer is charged
    ///     all the same, but nothing is kept back for it after that time.
    ///   - roles: Of the user, for the choice of a tier.
    ///   - email: Of the user, for the choice of a tier.
    ///   - isolation: The actor that calls; the closure runs there.
    ///   - body: Makes the call and gives its result and what it really used. A call that fails but costs something
    ///     returns its failure, as a `Result` say, beside what it used.
    /// - Throws: What `reserve` throws, `OverLimit` above all; what the closure throws; `UncommittedUsage` with the result,
    ///   where the usage cannot be committed. A cancel that fails is passed over, as the reservation expires by itself.
    public func guarded<Value: Sendable>(
        _ scopes: [Scope.Part], amounts: Amounts = Amounts(), timeToLive: Duration = .seconds(60), roles: [String] = [],
        email: String? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (Reservation) async throws -> (Value, Amounts)
    ) async throws -> Value {
        let reservation = try await reserve(
            scopes, amounts: amounts, timeToLive: timeToLive, roles: roles, email: email)
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

    /// Makes a call within its limits. See `guarded(_:amounts:timeToLive:roles:email:isolation:_:)`, which takes a list.
    public func guarded<Value: Sendable>(
        _ scopes: Scope.Part..., amounts: Amounts = Amounts(), timeToLive: Duration = .seconds(60),
        roles: [String] = [], email: String? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (Reservation) async throws -> (Value, Amounts)
    ) async throws -> Value {
        try await guarded(
            scopes, amounts: amounts, timeToLive: timeToLive, roles: roles, email: email, isolation: isolation, body)
    }
}

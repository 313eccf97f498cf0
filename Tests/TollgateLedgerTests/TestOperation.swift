import TollgateCore

@testable import TollgateLedger

/// An operation of a test.
struct TestOperation: Sendable {
    var verb: OperationVerb
    var amounts: Amounts
    var scopes: [Scope]
    var terms: OperationTerms?
    /// The time of the usage of a RECORD or REFUND, Unix ms.
    var usedAt: Int64?

    static func check(_ scopes: String..., amounts: Amounts = Amounts(requests: 1)) throws -> TestOperation {
        TestOperation(verb: .check, amounts: amounts, scopes: try scopes.map { try Scope(parsing: $0) })
    }

    static func sweep(_ scopes: String...) throws -> TestOperation {
        TestOperation(verb: .sweep, amounts: Amounts(), scopes: try scopes.map { try Scope(parsing: $0) })
    }

    static func record(_ scopes: String..., amounts: Amounts) throws -> TestOperation {
        TestOperation(verb: .record, amounts: amounts, scopes: try scopes.map { try Scope(parsing: $0) })
    }

    static func refund(_ scopes: String..., amounts: Amounts) throws -> TestOperation {
        TestOperation(verb: .refund, amounts: amounts, scopes: try scopes.map { try Scope(parsing: $0) })
    }

    /// A RESERVE with an id that no other reservation has.
    static func reserve(
        _ scopes: String..., amounts: Amounts = Amounts(), id: String, seconds: Int64 = 60,
        onExpiry: ExpiryRule? = nil
    ) throws -> TestOperation {
        try reserve(scopes.map { try Scope(parsing: $0) }, amounts, id: id, seconds: seconds, onExpiry: onExpiry)
    }

    static func reserve(
        _ scopes: [Scope], _ amounts: Amounts, id: String, seconds: Int64, onExpiry: ExpiryRule? = nil
    ) throws -> TestOperation {
        var amounts = amounts
        amounts.requests = amounts.requests ?? 1
        let reservation = Reservation(
            id: id, scopes: scopes.map(\.description), requests: amounts.requests ?? 0, tokens: amounts.allTokens ?? 0,
            inputTokens: amounts.inputTokens ?? 0, outputTokens: amounts.outputTokens ?? 0, cost: amounts.cost ?? 0,
            timeToLive: seconds * 1_000, onExpiry: onExpiry)
        return TestOperation(verb: .reserve, amounts: amounts, scopes: scopes, terms: .reserving(reservation))
    }

    /// The COMMIT of a reservation made at a time.
    func commit(madeAt: Int64, amounts: Amounts) -> TestOperation { settle(.commit, madeAt, amounts) }

    /// The CANCEL of a reservation made at a time.
    func cancel(madeAt: Int64) -> TestOperation { settle(.cancel, madeAt, Amounts()) }

    private func settle(_ verb: OperationVerb, _ madeAt: Int64, _ amounts: Amounts) -> TestOperation {
        guard let reservation = terms?.reserving else { preconditionFailure("not a RESERVE") }
        let made = reservation.made(at: madeAt, requests: reservation.requests)
        return TestOperation(verb: verb, amounts: amounts, scopes: scopes, terms: .ending(made))
    }

    /// Returns the operation with an id, under which it counts once.
    func once(_ id: String) -> TestOperation {
        var operation = self
        operation.terms = .once(IdempotencyKey(verb, id: id, scope: scopes.first?.description ?? "global"))
        return operation
    }
}

import TollgateCore

@testable import TollgateLedger

/// One operation as the tests write it.
struct TestOperation: Sendable {
    var verb: OperationVerb
    var amounts: Amounts
    var scopes: [Scope]

    static func check(_ scopes: String..., amounts: Amounts = Amounts(requests: 1)) throws -> TestOperation {
        TestOperation(verb: .check, amounts: amounts, scopes: try scopes.map { try Scope(parsing: $0) })
    }

    static func record(_ scopes: String..., amounts: Amounts) throws -> TestOperation {
        TestOperation(verb: .record, amounts: amounts, scopes: try scopes.map { try Scope(parsing: $0) })
    }

    static func refund(_ scopes: String..., amounts: Amounts) throws -> TestOperation {
        TestOperation(verb: .refund, amounts: amounts, scopes: try scopes.map { try Scope(parsing: $0) })
    }
}

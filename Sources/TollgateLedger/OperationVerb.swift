/// What an operation of a batch does; the numbers are the script's.
package enum OperationVerb: UInt8, Sendable {
    case check = 1
    case peek = 2
    case record = 3
    case refund = 4

    /// CHECK and PEEK answer a decision, the others acknowledge a fact.
    package var isDecision: Bool { self == .check || self == .peek }
}

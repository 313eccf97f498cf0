/// What an operation of a batch does; the numbers are the script's.
package enum OperationVerb: UInt8, Sendable {
    case check = 1
    case peek = 2
    case record = 3
    case refund = 4
    case reserve = 5
    case commit = 6
    case cancel = 7

    /// CHECK, PEEK and RESERVE answer a decision; the others tell a fact, which must not be lost.
    package var isDecision: Bool {
        switch self {
        case .check, .peek, .reserve: true
        case .record, .refund, .commit, .cancel: false
        }
    }
}

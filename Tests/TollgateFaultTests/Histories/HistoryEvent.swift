/// One request of one client: what was asked, what was answered, and when.
struct HistoryEvent: Sendable {
    /// Cost is in nano-units.
    enum Operation: Sendable, Equatable {
        case check(hits: Int, cost: Int)
        case peek(hits: Int, cost: Int)
        case record(hits: Int, cost: Int)
        case refund(hits: Int, cost: Int)
        case reserve(cost: Int)
        case commit(reservation: String, cost: Int)
        case cancel(reservation: String)
        case usage
    }

    enum Outcome: Sendable, Equatable {
        /// `counter`: that of the limit named.
        case allowed(LedgerModel.Counter, used: Int, remaining: Int, reservation: String? = nil)
        case denied(LedgerModel.Counter, used: Int, remaining: Int)
        case ok
        case used(requests: Int, cost: Int, held: Int)
        /// It is going to be done.
        case queued
        /// It may have been done, or be done at any time yet.
        case unknown
    }

    let operation: Operation
    let outcome: Outcome
    /// Nanoseconds of a clock that all clients share.
    let invoked: Int
    /// Nil where no answer told that it was done: then it may have been done at any time after `invoked`, or never.
    var returned: Int?

    init(_ operation: Operation, _ outcome: Outcome, invoked: Int, returned: Int) {
        self.operation = operation
        self.outcome = outcome
        self.invoked = invoked
        self.returned = outcome == .unknown ? nil : returned
    }
}

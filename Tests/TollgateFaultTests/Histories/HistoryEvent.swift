/// One request of one client, with its answer and times.
struct HistoryEvent: Sendable {
    /// The operation; cost in nano-units.
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
        /// The `counter` is that of the named limit.
        case allowed(LedgerModel.Counter, used: Int, remaining: Int, reservation: String? = nil)
        case denied(LedgerModel.Counter, used: Int, remaining: Int)
        case ok
        case used(requests: Int, cost: Int, held: Int)
        /// The request will be applied.
        case queued
        /// The request may have been applied, or may be at any later time.
        case unknown
    }

    let operation: Operation
    let outcome: Outcome
    /// The time of the request, in nanoseconds of a clock that all clients share.
    let invoked: Int
    /// The time of the answer. Nil if no answer confirmed the request: it may be applied at any time after `invoked`, or never.
    var returned: Int?

    init(_ operation: Operation, _ outcome: Outcome, invoked: Int, returned: Int) {
        self.operation = operation
        self.outcome = outcome
        self.invoked = invoked
        self.returned = outcome == .unknown ? nil : returned
    }
}

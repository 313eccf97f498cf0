import TollgateCore

/// Generates histories that are correct by construction: the model applies each request between its start and its end,
/// and about eight are concurrent.
struct RandomLedgerHistory {
    let start = LedgerModel(maxRequests: 40, maxCost: 2_000)
    private var generator: SeededGenerator
    private var state: LedgerModel

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        state = start
    }

    mutating func make(count: Int) -> [HistoryEvent] {
        state = start
        return (0..<count).map { index in
            // Applied at 100 × index; started and ended up to 4 requests before and after.
            let done = index * 100
            return event(
                invoked: done - Int.random(in: 1...400, using: &generator),
                returned: done + Int.random(in: 1...400, using: &generator))
        }.shuffled(using: &generator)
    }

    /// Returns a history in which one request saw a counter 1 too high.
    mutating func spoiled(_ history: [HistoryEvent]) -> [HistoryEvent] {
        var history = history
        let readings = history.indices.filter { history[$0].operation == .usage }
        guard let index = readings.randomElement(using: &generator),
            case .used(let requests, let cost, let held) = history[index].outcome,
            let returned = history[index].returned
        else { return [] }
        history[index] = HistoryEvent(
            .usage, .used(requests: requests, cost: cost + 1, held: held), invoked: history[index].invoked,
            returned: returned)
        return history
    }

    /// Costs are even, so that none compensates a changed one.
    private mutating func event(invoked: Int, returned: Int) -> HistoryEvent {
        let cost = Int.random(in: 0...40, using: &generator) * 2
        let operation: HistoryEvent.Operation =
            switch Int.random(in: 0..<10, using: &generator) {
            case ..<3: .check(hits: 1, cost: cost)
            case ..<5: .record(hits: 0, cost: cost)
            case ..<7: .refund(hits: 1, cost: cost)
            case 7: .peek(hits: 1, cost: cost)
            default: .usage
            }
        for outcome in state.outcomes {
            let event = HistoryEvent(operation, outcome, invoked: invoked, returned: returned)
            guard let next = state.after(event), event.isAnswered(as: outcome) else { continue }
            state = next
            return event
        }
        preconditionFailure("the model has no answer to \(operation)")
    }
}

extension HistoryEvent {
    /// Returns whether the answer is of the operation's kind.
    fileprivate func isAnswered(as outcome: Outcome) -> Bool {
        switch operation {
        case .record, .refund, .commit, .cancel: outcome == .ok
        case .check, .peek, .reserve, .usage: true
        }
    }
}

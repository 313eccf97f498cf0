/// Checks that a concurrent history is linearizable: that its requests have a sequential order with the same answers,
/// in which a request that was answered before another was sent comes first.
///
/// The algorithm is Wing and Gong's (Testing and Verifying Concurrent Objects, 1993), with Lowe's memory of tried
/// states (Testing for Linearizability, 2017).
struct HistoryChecker {
    enum Verdict: Equatable {
        /// The indices of the events in such an order.
        case linearizable(order: [Int])
        /// There is no such order; the longest prefix that was found.
        case not(longest: [Int])

        var isLinearizable: Bool { if case .linearizable = self { true } else { false } }
    }

    /// The applied events and their state. The same pair leads to the same result again.
    private struct Configuration: Hashable {
        var done: EventSet
        var state: LedgerModel
    }

    /// A choice of the next event: the candidates, those not yet tried, and the state before.
    private struct Choice {
        var candidates: [Int]
        var tried = 0
        var before: LedgerModel
        /// The last candidate tried, if it is applied.
        var done: Int? = nil
    }

    private let events: [HistoryEvent]
    private var entries: EntryList
    private var current: Configuration
    private var path: [Choice] = []
    private var longest: [Int] = []
    private var tried: Set<Configuration> = []
    /// The number of answered events that are not applied.
    private var left: Int

    private init(_ events: [HistoryEvent], from start: LedgerModel) {
        self.events = events
        entries = EntryList(events)
        current = Configuration(done: EventSet(count: events.count), state: start)
        left = events.count { $0.returned != nil }
    }

    /// Returns the result for a history that starts in a state.
    static func check(_ events: [HistoryEvent], from start: LedgerModel) -> Verdict {
        var checker = HistoryChecker(events, from: start)
        return checker.search()
    }

    private mutating func search() -> Verdict {
        path = [choice]
        while left > 0 {
            guard let event = nextCandidate() else {
                // No candidate can come next, so an earlier choice was wrong.
                path.removeLast()
                guard !path.isEmpty else { return .not(longest: longest) }
                undo()
                continue
            }
            if advance(event) { path.append(choice) }
        }
        return .linearizable(order: order)
    }

    /// Unanswered events are tried last, as they are rarely needed.
    private var choice: Choice {
        let candidates = entries.beginningsBeforeAnyEnd
        let answered = candidates.filter { events[$0].returned != nil }
        return Choice(
            candidates: answered + candidates.filter { events[$0].returned == nil }, before: current.state)
    }

    private mutating func nextCandidate() -> Int? {
        let last = path.count - 1
        guard path[last].tried < path[last].candidates.count else { return nil }
        path[last].tried += 1
        return path[last].candidates[path[last].tried - 1]
    }

    /// Applies an event, if it is possible and has not been tried.
    private mutating func advance(_ event: Int) -> Bool {
        guard let state = current.state.after(events[event]) else { return false }
        var next = Configuration(done: current.done, state: state)
        next.done.insert(event)
        guard tried.insert(next).inserted else { return false }
        path[path.count - 1].done = event
        current = next
        if events[event].returned != nil { left -= 1 }
        entries.lift(event)
        if path.count > longest.count { longest = order }
        return true
    }

    private mutating func undo() {
        let last = path.count - 1
        guard let event = path[last].done else { return }
        path[last].done = nil
        entries.unlift(event)
        current.done.remove(event)
        current.state = path[last].before
        if events[event].returned != nil { left += 1 }
    }

    private var order: [Int] { path.compactMap(\.done) }
}

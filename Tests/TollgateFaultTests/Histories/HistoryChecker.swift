/// Looks for an order in which the requests of a concurrent history, done one at a time, would have been answered as they were: one
/// that keeps to the order of requests of which one had been answered before the other was asked. (Wing and Gong: Testing and
/// Verifying Concurrent Objects, 1993; with Lowe's memory of what has been tried: Testing for Linearizability, 2017.)
struct HistoryChecker {
    enum Verdict: Equatable {
        /// Places of the events in such an order.
        case linearizable(order: [Int])
        /// There is none; the longest beginning of one that was found.
        case not(longest: [Int])

        var isLinearizable: Bool { if case .linearizable = self { true } else { false } }
    }

    /// What has been done and what came of it: the same again leads to the same end.
    private struct Configuration: Hashable {
        var done: EventSet
        var state: LedgerModel
    }

    /// A choice of what comes next: what can, of that what was not tried yet, and the state before.
    private struct Choice {
        var candidates: [Int]
        var tried = 0
        var before: LedgerModel
        /// The last one tried, if it has been done.
        var done: Int? = nil
    }

    private let events: [HistoryEvent]
    private var entries: EntryList
    private var current: Configuration
    private var path: [Choice] = []
    private var longest: [Int] = []
    private var tried: Set<Configuration> = []
    /// Answered events that are not done.
    private var left: Int

    private init(_ events: [HistoryEvent], from start: LedgerModel) {
        self.events = events
        entries = EntryList(events)
        current = Configuration(done: EventSet(count: events.count), state: start)
        left = events.count { $0.returned != nil }
    }

    /// What can be said of a history that began in this state.
    static func check(_ events: [HistoryEvent], from start: LedgerModel) -> Verdict {
        var checker = HistoryChecker(events, from: start)
        return checker.search()
    }

    private mutating func search() -> Verdict {
        path = [choice]
        while left > 0 {
            guard let event = nextCandidate() else {
                // None of them can come next: what was done before was wrong.
                path.removeLast()
                guard !path.isEmpty else { return .not(longest: longest) }
                undo()
                continue
            }
            if advance(event) { path.append(choice) }
        }
        return .linearizable(order: order)
    }

    /// What was not answered explains what nothing else does, so it is tried last.
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

    /// Does an event next, if it can be and this has not been tried.
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

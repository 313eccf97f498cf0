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

    private let events: [HistoryEvent]
    private var entries: EntryList
    private var current: Configuration
    /// What has been done, in this order, and the state before each.
    private var path: [(call: Int, before: LedgerModel)] = []
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
        var entry = entries.first
        while left > 0 {
            guard let event = entries.called(at: entry) else {
                // The end of one that is not done by now: what was done before it was wrong.
                guard let (call, before) = path.popLast() else { return .not(longest: longest) }
                undo(call, before)
                entry = entries.next(after: call)
                continue
            }
            entry = advance(event, at: entry) ? entries.first : entries.next(after: entry)
        }
        return .linearizable(order: order)
    }

    /// Does an event next, if it can be and this has not been tried.
    private mutating func advance(_ event: Int, at call: Int) -> Bool {
        guard let state = current.state.after(events[event]) else { return false }
        var next = Configuration(done: current.done, state: state)
        next.done.insert(event)
        guard tried.insert(next).inserted else { return false }
        path.append((call, current.state))
        current = next
        if events[event].returned != nil { left -= 1 }
        entries.lift(event)
        if path.count > longest.count { longest = order }
        return true
    }

    private mutating func undo(_ call: Int, _ before: LedgerModel) {
        guard let event = entries.called(at: call) else { return }
        entries.unlift(event)
        current.done.remove(event)
        current.state = before
        if events[event].returned != nil { left += 1 }
    }

    private var order: [Int] { path.compactMap { entries.called(at: $0.call) } }
}

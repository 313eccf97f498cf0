/// The starts and ends of a history's events in order of time, as a linked list. Events are removed and reinserted, the last
/// removed one first.
struct EntryList {
    /// The links. Entry 0 is before the first and behind the last one.
    private static let frame = 0

    private var next: [Int]
    private var previous: [Int]
    /// The event of a start; nil for an end and for entry 0.
    private let calls: [Int?]
    private let callOf: [Int]
    private let returnOf: [Int?]

    init(_ events: [HistoryEvent]) {
        var moments: [(time: Int, isReturn: Bool, event: Int)] = []
        for (event, its) in events.enumerated() {
            moments.append((its.invoked, false, event))
            if let returned = its.returned { moments.append((returned, true, event)) }
        }
        // At equal times starts come first, so that both orders are possible.
        moments.sort { ($0.time, $0.isReturn ? 1 : 0) < ($1.time, $1.isReturn ? 1 : 0) }
        var calls: [Int?] = [nil]
        var callOf = Array(repeating: 0, count: events.count)
        var returnOf: [Int?] = Array(repeating: nil, count: events.count)
        for (index, moment) in moments.enumerated() {
            calls.append(moment.isReturn ? nil : moment.event)
            if moment.isReturn { returnOf[moment.event] = index + 1 } else { callOf[moment.event] = index + 1 }
        }
        (self.calls, self.callOf, self.returnOf) = (calls, callOf, returnOf)
        let count = calls.count
        next = (0..<count).map { ($0 + 1) % count }
        previous = (0..<count).map { ($0 + count - 1) % count }
    }

    /// The events that started before any event in the list ended: each of them may have been the first.
    var beginningsBeforeAnyEnd: [Int] {
        var events: [Int] = []
        var entry = next[Self.frame]
        while let event = calls[entry] {
            events.append(event)
            entry = next[entry]
        }
        return events
    }

    mutating func lift(_ event: Int) {
        remove(callOf[event])
        if let end = returnOf[event] { remove(end) }
    }

    mutating func unlift(_ event: Int) {
        if let end = returnOf[event] { restore(end) }
        restore(callOf[event])
    }

    private mutating func remove(_ entry: Int) {
        next[previous[entry]] = next[entry]
        previous[next[entry]] = previous[entry]
    }

    private mutating func restore(_ entry: Int) {
        next[previous[entry]] = entry
        previous[next[entry]] = entry
    }
}

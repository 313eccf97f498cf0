/// The beginnings and ends of a history's events in the order of time, as a linked list from which events are taken out and put
/// back, the last one out first.
struct EntryList {
    /// Entry 0 is before the first and behind the last.
    private static let frame = 0

    private var next: [Int]
    private var previous: [Int]
    /// Of a beginning its event; nil of an end and of the frame.
    private let calls: [Int?]
    private let callOf: [Int]
    private let returnOf: [Int?]

    init(_ events: [HistoryEvent]) {
        var moments: [(time: Int, isReturn: Bool, event: Int)] = []
        for (event, its) in events.enumerated() {
            moments.append((its.invoked, false, event))
            if let returned = its.returned { moments.append((returned, true, event)) }
        }
        // At one time beginnings come first: then both orders are possible.
        moments.sort { ($0.time, $0.isReturn ? 1 : 0) < ($1.time, $1.isReturn ? 1 : 0) }
        var calls: [Int?] = [nil]
        var callOf = Array(repeating: 0, count: events.count)
        var returnOf: [Int?] = Array(repeating: nil, count: events.count)
        for (place, moment) in moments.enumerated() {
            calls.append(moment.isReturn ? nil : moment.event)
            if moment.isReturn { returnOf[moment.event] = place + 1 } else { callOf[moment.event] = place + 1 }
        }
        (self.calls, self.callOf, self.returnOf) = (calls, callOf, returnOf)
        let count = calls.count
        next = (0..<count).map { ($0 + 1) % count }
        previous = (0..<count).map { ($0 + count - 1) % count }
    }

    /// The events that began before any of those in the list ended: each of them can have been the first.
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

import DequeModule
import TollgateCore

/// Which entries of the stream of alerts have gone to the workers of a sidecar. Pure.
struct HandedOnPlaces {
    /// The most that are remembered.
    private static let most = 100

    /// The last one; nil until Redis has been asked for the newest one.
    private(set) var last: AlertCursor?
    /// The last few, in the order in which they were handed on.
    private var latest: Deque<AlertCursor> = []

    /// - Parameter end: everything up to there has been handed on, or cannot be read.
    mutating func add(_ places: [AlertCursor], upTo end: AlertCursor) {
        last = end
        latest.append(contentsOf: places)
        if latest.last != end { latest.append(end) }
        latest.removeFirst(max(0, latest.count - Self.most))
    }

    /// Whether one is known to have been handed on before another.
    func has(_ place: AlertCursor, before other: AlertCursor) -> Bool {
        guard let first = latest.firstIndex(of: place), let second = latest.lastIndex(of: other) else { return false }
        return first < second
    }
}
